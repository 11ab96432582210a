// The network as data: nodes, what joins them, what is found in them. Nothing here knows of the page.

export class Network {
  constructor({ nodes, edges }) {
    this.nodes = nodes;
    this.edges = edges;
    // As HTML gives attributes back: line ends are one character, and NUL is replaced.
    const read = (key) => key.replace(/\r\n?/g, "\n").replaceAll("\0", "\ufffd");
    this.byKey = new Map(nodes.map((node, index) => [(node.key = read(node.key)), index]));
    this.children = nodes.map(() => []);
    this.edgesAt = nodes.map(() => []);
    nodes.forEach((node, index) => node.parent !== undefined && this.children[node.parent].push(index));
    edges.forEach((edge, index) => {
      this.edgesAt[edge.source].push(index);
      if (edge.target !== edge.source) this.edgesAt[edge.target].push(index);
    });
  }

  // The nodes whose name, label, key or facts have this text in them; capitals do not matter.
  search(text) {
    const sought = text.trim().toLowerCase();
    if (!sought) return [];
    this.texts ??= this.nodes.map((node) =>
      [node.label, node.name, node.key, ...Object.values(node.facts ?? {})].join("\n").toLowerCase()
    );
    return [...this.texts.keys()].filter((index) => this.texts[index].includes(sought));
  }

  // The switch, router or chassis that a node belongs to in the end.
  place(index) {
    while (this.nodes[index].parent !== undefined) index = this.nodes[index].parent;
    return index;
  }

  other(edge, index) {
    const { source, target } = this.edges[edge];
    return source === index ? target : source;
  }

  // What a node is joined to, and by which edge; for a switch or a router also what its ports are linked to.
  neighbours(index) {
    const at = (member) => this.edgesAt[member].map((edge) => ({ edge, node: this.other(edge, member) }));
    const further = ({ edge }) => ["link", "gateway"].includes(this.edges[edge].kind);
    return [...at(index), ...this.children[index].flatMap((child) => at(child).filter(further))];
  }

  // What a node is linked to: nodes and edges, by their numbers. For a port also the way from its switch to the outside.
  reach(index) {
    const nodes = new Set([index, this.place(index)]);
    const edges = new Set();
    const take = (from) => {
      for (const edge of this.edgesAt[from]) {
        const { source, target } = this.edges[edge];
        edges.add(edge);
        for (const end of [source, target]) nodes.add(end).add(this.place(end));
      }
    };
    take(index);
    if (this.nodes[index].parent === undefined) this.children[index].forEach(take);
    else this.wayOut(this.place(index)).forEach((edge) => this.ends(edge).forEach((end) => (nodes.add(end), edges.add(edge))));
    return { nodes, edges };
  }

  places(edge) {
    const { source, target } = this.edges[edge];
    return [this.place(source), this.place(target)];
  }

  ends(edge) {
    const { source, target } = this.edges[edge];
    return [source, target, ...this.places(edge)];
  }

  // The links on the shortest way from a place to one that is outside; none where it is outside itself or there is none.
  wayOut(start) {
    const before = new Map([[start, null]]);
    const waiting = [start];
    for (const place of waiting) {
      if (this.isOutside(place)) {
        const way = [];
        for (let step = before.get(place); step !== null; step = before.get(step.from)) way.push(step.edge);
        return way.reverse();
      }
      for (const member of [place, ...this.children[place]]) {
        for (const edge of this.edgesAt[member]) {
          const there = this.place(this.other(edge, member));
          if (this.edges[edge].kind === "link" && !before.has(there)) {
            before.set(there, { from: place, edge });
            waiting.push(there);
          }
        }
      }
    }
    return [];
  }

  isOutside(place) {
    return (
      this.nodes[place].kind === "provider" ||
      this.children[place].some((child) => this.nodes[child].facts?.type === "localnet")
    );
  }

  // How many nodes there are of each kind, in the order in which they come.
  count(of = (node) => node.kind) {
    const found = new Map();
    for (const node of this.nodes) found.set(of(node), (found.get(of(node)) ?? 0) + 1);
    return found;
  }

  // A node or an edge in the fragment of an address, and back.
  address({ node, edge }) {
    if (node !== undefined) return encodeURIComponent(this.nodes[node].key);
    const { kind, source, target } = this.edges[edge];
    return [kind, this.nodes[source].key, this.nodes[target].key].map(encodeURIComponent).join("/");
  }

  at(address) {
    let parts;
    try {
      parts = address.split("/").map(decodeURIComponent);
    } catch {
      return null;
    }
    const [node] = parts.slice(-1).map((key) => this.byKey.get(key));
    if (node === undefined) return null;
    if (parts.length === 1) return { node };
    const [kind, from] = [parts[0], this.byKey.get(parts[1])];
    const edge = this.edges.findIndex((one) => one.kind === kind && one.source === from && one.target === node);
    return edge < 0 ? null : { edge };
  }
}
