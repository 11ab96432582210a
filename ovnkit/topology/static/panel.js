// The panel beside the picture: what is known of what is selected, its neighbours as links, and what was found.
import { element } from "./picture.js";

const LIST = 60; // so many entries of a list at first

const SIGNS = { up: "●", active: "◉", standby: "○", down: "✕", gone: "✕", disabled: "⊖", unbound: "◌", unregistered: "○" };

export class Panel {
  // `go({node} or {edge})` selects; `address(target)` is where a link leads; `actions(node)` what can be done.
  constructor(root, network, { go, address, actions, hint }) {
    Object.assign(this, { root, network, go, address, actions, hint });
  }

  anchor(target, text, classes) {
    return element(
      "a",
      { href: `#${this.address(target)}`, class: classes, click: (event) => (event.preventDefault(), this.go(target)) },
      element("bdi", {}, text)
    );
  }

  state(state) {
    return state ? element("span", { class: `state ${state}` }, `${SIGNS[state] ?? ""} ${state}`.trim()) : null;
  }

  entry(index, ...more) {
    const node = this.network.nodes[index];
    const state = node.state ? [" ", this.state(node.state)] : [];
    return element("li", {}, this.anchor({ node: index }, node.label || node.key), ...state, ...more);
  }

  // A list that shows its beginning, and the rest when it is asked for.
  list(title, entries) {
    if (!entries.length) return null;
    const list = element("ul", {}, ...entries.slice(0, LIST).map((make) => make()));
    const rest = entries.length - LIST;
    const more = element(
      "button",
      { type: "button", click: () => (list.append(...entries.slice(LIST).map((make) => make())), more.remove()) },
      `${rest} more`
    );
    return element("section", {}, element("h3", {}, `${title} (${entries.length})`), list, rest > 0 && more);
  }

  facts(pairs, classes) {
    const list = element("dl", { class: classes });
    for (const [name, value] of pairs) {
      if (value === undefined || value === "") continue;
      list.append(element("dt", {}, element("bdi", {}, name)), element("dd", {}, typeof value === "string" ? element("bdi", {}, value) : value));
    }
    return list;
  }

  put(...parts) {
    this.root.replaceChildren(...parts.filter(Boolean));
    this.root.scrollTop = 0;
  }

  overview() {
    const states = this.network.count((node) => node.state ?? "");
    states.delete("");
    const state = ([name, number]) =>
      element("button", { type: "button", click: () => this.listed(name) }, this.state(name), ` ${number}`);
    this.put(
      element("h2", {}, "The network"),
      this.facts([...this.network.count()].map(([kind, number]) => [kind, String(number)]), "counts"),
      states.size > 0 && element("section", { class: "states" }, element("h3", {}, "States"), ...[...states].map(state)),
      element("p", { class: "hint" }, this.hint)
    );
  }

  listed(state) {
    const found = [...this.network.nodes.keys()].filter((index) => this.network.nodes[index].state === state);
    this.put(
      element("h2", {}, this.state(state)),
      this.list("Nodes", found.map((index) => () => this.entry(index, ` ${this.network.nodes[index].kind}`)))
    );
  }

  found(text, matches) {
    this.put(
      element("h2", {}, matches.length ? "Found" : "Nothing found"),
      matches.length === 0 && element("p", {}, "No name, label or address has ", element("bdi", {}, text), " in it."),
      this.list("Matches", matches.map((index) => () => this.entry(index, ` ${this.network.nodes[index].kind}`)))
    );
  }

  node(index) {
    const { network } = this;
    const node = network.nodes[index];
    const links = network.neighbours(index).map((found) => () => this.neighbour(found));
    const children = new Map();
    for (const child of network.children[index]) {
      const { kind } = network.nodes[child];
      children.set(kind, [...(children.get(kind) ?? []), () => this.entry(child)]);
    }
    this.put(
      element("p", { class: "kind" }, node.kind, " ", this.state(node.state)),
      element("h2", {}, element("bdi", {}, node.label || node.key)),
      this.facts([
        ["name", node.name === node.label ? "" : node.name],
        ["belongs to", node.parent === undefined ? undefined : this.anchor({ node: node.parent }, network.nodes[node.parent].label)],
        ...Object.entries(node.facts ?? {}),
        ["key", node.key],
      ]),
      element("p", { class: "actions" }, ...this.actions(index)),
      this.list("Linked with", links),
      this.list("On its way to the outside", this.way(index)),
      ...[...children].map(([kind, entries]) => this.list(`Has: ${kind}`, entries))
    );
  }

  // The routers and switches between a place and the outside.
  way(index) {
    const start = this.network.place(index);
    const places = new Set(this.network.wayOut(start).flatMap((edge) => this.network.places(edge)));
    places.delete(start);
    return [...places].map((place) => () => this.entry(place, ` ${this.network.nodes[place].kind}`));
  }

  neighbour({ edge, node }) {
    const { nodes, edges } = this.network;
    const { kind, label, state } = edges[edge];
    const place = this.network.place(node);
    const said = [nodes[node].kind, [label, state].filter(Boolean).join(", ")].join(" ").trim();
    const link = this.anchor({ edge }, kind, "edge");
    const of = place === node ? [] : [" of ", this.anchor({ node: place }, nodes[place].label)];
    return element("li", {}, link, " ", this.anchor({ node }, nodes[node].label), ...of, " ", element("small", {}, element("bdi", {}, said)));
  }

  edge(numbers) {
    const { nodes, edges } = this.network;
    const [first] = numbers.map((number) => edges[number]);
    const ends = numbers.map((number) => () => {
      const { source, target, label, state } = edges[number];
      const [from, to] = [source, target].map((end) => this.anchor({ node: end }, nodes[end].label));
      return element("li", {}, from, " — ", to, " ", element("bdi", {}, label ?? ""), " ", this.state(state));
    });
    this.put(element("h2", {}, first.kind), this.list("Between", ends));
  }
}
