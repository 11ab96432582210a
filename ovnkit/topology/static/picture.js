// The SVG brought to life: cards that can be dragged and folded, links that follow them.
import { Network } from "./network.js";

const MOST_SINGLE = 16; // of more edges that are not drawn by themselves, one line leads from card to card
const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes = {}, ...content) {
  const made = name.startsWith("svg:") ? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...content.filter((part) => part !== undefined && part !== null && part !== false));
  return made;
}

// What the server side has drawn, and escaped, as an element.
function drawn(markup) {
  const template = document.createElement("template");
  template.innerHTML = `<svg>${markup}</svg>`;
  return template.content.firstChild.firstChild;
}

// The same curve as in the picture that does not move: it leaves each card straight to the side.
export function curve(x1, y1, side1, x2, y2, side2) {
  const reach = side1 === side2 ? Math.min(24 + Math.abs(y2 - y1) / 8, 40) : Math.max(Math.abs(x2 - x1) / 2, 20);
  const [c1, c2] = [x1 + (side1 === "right" ? reach : -reach), x2 + (side2 === "right" ? reach : -reach)];
  return `M${x1} ${y1}C${c1} ${y1} ${c2} ${y2} ${x2} ${y2}`;
}

class Card {
  constructor(data, group, network) {
    Object.assign(this, data);
    this.shownHeight = this.height;
    this.label = network.nodes[this.node].label;
    // "shown": as it is drawn at first; "folded": only its title; "whole": all that it has. What waits outside of the
    // document comes folded, for there is much of it.
    this.first = this.svg ? "folded" : "shown";
    this.mode = "shown";
    this.dragged = [0, 0];
    this.moved = 0;
    this.shown = this.adopt(group);
  }

  // The parts of a card; what is drawn has no names but the keys of nodes.
  adopt(group) {
    const [title, ...rows] = [...group.children].filter((child) => child.localName === "g");
    const [frame, stripe] = [...group.children].filter((child) => child.localName === "rect");
    title.classList.add("title");
    for (const row of rows) {
      row.classList.add("row");
      const more = !row.dataset.key && row.textContent.startsWith("+ ") && this.whole;
      if (more) row.classList.add("more");
      if (more || row.dataset.key) row.setAttribute("role", "button");
    }
    title.setAttribute("role", "button");
    const [right, top] = [this.x + this.width, this.y];
    const toggle = element(
      "svg:g",
      { class: "toggle", role: "button" },
      element("svg:rect", { x: right - 18, y: top, width: 18, height: 24, fill: "transparent" }),
      element("svg:path", { d: `M${right - 10} ${top + 10}h7l-3.5 5z` })
    );
    group.append(toggle);
    return { group, title, rows, toggle, rects: [frame, stripe] };
  }

  get parts() {
    return this.mode === "whole" ? this.opened : this.shown;
  }

  get group() {
    return this.parts.group;
  }

  // What can be reached with the keyboard.
  get items() {
    const { title, rows } = this.parts;
    return this.mode === "folded" ? [title] : [title, ...rows.filter((row) => row.hasAttribute("role"))];
  }

  set(mode, { header, line }) {
    const before = this.group;
    if (mode === "whole") this.opened ??= this.open(line);
    this.mode = mode;
    this.height = { folded: header, shown: this.shownHeight, whole: this.opened?.height }[mode];
    if (before !== this.group) before.replaceWith(this.group);
    this.group.classList.toggle("folded", mode === "folded");
    // Out of the document, not hidden in it: the browser has nothing to do for them.
    if (mode === "folded") this.parts.rows.forEach((row) => row.remove());
    else this.group.append(...this.parts.rows.filter((row) => row.parentNode !== this.group));
    for (const rect of this.parts.rects) rect.setAttribute("height", this.height);
    const label = `${mode === "folded" ? "Unfold" : "Fold"} ${this.label}`;
    this.parts.toggle.setAttribute("aria-label", label);
    this.parts.title.setAttribute("aria-expanded", mode !== "folded");
    this.place();
  }

  // All of it, and below it a line that leads back.
  open(line) {
    const parts = this.adopt(drawn(this.whole.svg));
    const fewer = this.shown.rows.findLast((row) => row.classList.contains("more")).cloneNode(true);
    const text = fewer.querySelector("text");
    text.textContent = "− fewer";
    text.setAttribute("y", this.y + this.whole.height + 3);
    parts.group.append(fewer);
    parts.rows.push(fewer);
    return { ...parts, height: this.whole.height + line };
  }

  place() {
    this.group.setAttribute("transform", `translate(${this.dragged[0]} ${this.dragged[1] + this.moved})`);
  }

  get left() {
    return this.x + this.dragged[0];
  }

  get top() {
    return this.y + this.dragged[1] + this.moved;
  }

  // The height at which a link to a node leaves the card.
  anchor(key, { header }) {
    if (key !== null && this.mode !== "folded") {
      const row = this.parts.rows.find((one) => one.dataset.key === key);
      if (row) return this.top - this.y + Number(row.querySelector("text").getAttribute("y")) - 2.5;
    }
    return this.top + header / 2;
  }
}

export class Picture {
  constructor(svg, data, network) {
    Object.assign(this, { svg, data, network });
    svg.querySelector("rect").remove();
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-roledescription", "topology");
    for (const name of ["width", "height", "style"]) svg.removeAttribute(name);
    this.headings = [...svg.querySelectorAll(":scope > text")].slice(0, data.tiers.length);
    this.legend = [...svg.querySelectorAll(":scope > g:not(.card)")];
    const groups = [...svg.querySelectorAll(":scope > .card")];
    const paths = [...svg.querySelectorAll(":scope > .link")];
    // A card that is not drawn yet, and a link to it, wait outside of the document.
    this.cards = data.cards.map((card) => new Card(card, card.svg ? drawn(card.svg) : groups.shift(), network));
    this.byNode = new Map(this.cards.map((card) => [card.node, card]));
    this.overlay = element("svg:g", { class: "overlay" });
    svg.insertBefore(this.overlay, svg.querySelector(":scope > .card"));
    this.links = data.links.map((link, number) => this.adoptLink(link, number, link.svg ? drawn(link.svg) : paths.shift()));
    this.assignEdges();
    this.tiers = data.tiers.map((tier, number) => this.adoptTier(tier, number));
    for (const card of this.cards) card.set(card.first, this.data);
    this.arrange();
  }

  adoptLink(link, number, path) {
    const hit = element("svg:path", { class: "hit", "data-link": number });
    path.dataset.link = number;
    return { ...link, number, path, hit, edges: [] };
  }

  adoptTier(tier, number) {
    // From top to bottom, and below them those that are not drawn at first.
    const cards = this.cards.filter((card) => card.tier === tier.name);
    cards.sort((one, other) => Boolean(one.svg) - Boolean(other.svg) || (one.svg ? 0 : one.y - other.y));
    const heading = this.headings[number];
    heading.classList.add("heading");
    heading.setAttribute("role", "button");
    heading.dataset.tier = number;
    const found = { ...tier, number, cards, heading, open: false };
    const beyond = cards.filter((card) => card.svg).length;
    if (beyond) {
      const text = element("svg:text", { x: cards[0].x + 8, class: "rest" }, "");
      found.rest = element("svg:g", { role: "button", "data-rest": number }, text);
      found.beyond = beyond;
      this.svg.append(found.rest);
    }
    return found;
  }

  // Which edges of the network each link stands for.
  assignEdges() {
    const at = new Map();
    const pair = (kind, source, target, state) => [kind, source, target, state].join(" ");
    for (const link of this.links) {
      const key = pair(link.kind, this.cards[link.source].node, this.cards[link.target].node, link.state);
      at.set(key, [...(at.get(key) ?? []), link]);
    }
    this.linkOf = new Map();
    const { network } = this;
    network.edges.forEach(({ kind, source, target, state }, number) => {
      for (const link of at.get(pair(kind, network.place(source), network.place(target), state ?? "")) ?? []) {
        const fits = (key, end) => key === null || key === network.nodes[end].key;
        if (!fits(link.sourceKey, source) || !fits(link.targetKey, target)) continue;
        link.edges.push(number);
        this.linkOf.set(number, link);
        break;
      }
    });
  }

  isDrawn(card) {
    return !card.svg || this.tiers.find((tier) => tier.name === card.tier).open;
  }

  // Cards below one that has grown or shrunk move with its lower edge.
  arrange() {
    for (const tier of this.tiers) {
      let moved = 0;
      let bottom = 0;
      for (const card of tier.cards) {
        if (!this.isDrawn(card)) {
          card.group.remove();
          continue;
        }
        if (card.svg) {
          card.moved = bottom + this.data.gap - card.y;
          if (!card.group.isConnected) this.svg.append(card.group);
        } else {
          card.moved = moved;
          moved += card.height - card.shownHeight;
        }
        card.place();
        bottom = card.y + card.moved + card.height;
      }
      tier.heading.setAttribute("aria-expanded", tier.cards.some((card) => this.isDrawn(card) && card.mode !== "folded"));
      if (tier.rest) {
        const text = tier.rest.firstChild;
        text.textContent = tier.open ? `− fewer ${tier.name}` : `+ ${tier.beyond} more ${tier.name}`;
        text.setAttribute("y", bottom + 20);
      }
    }
    this.follow(this.links);
    this.label();
    this.onArranged?.();
  }

  // Links go where their cards are.
  follow(links) {
    for (const link of links) {
      const [source, target] = [this.cards[link.source], this.cards[link.target]];
      if (!this.isDrawn(source) || !this.isDrawn(target)) {
        link.path.remove();
        link.hit.remove();
        continue;
      }
      const way = this.way(source, link.sourceKey, target, link.targetKey, link.kind);
      link.path.setAttribute("d", way);
      link.hit.setAttribute("d", way);
      if (!link.hit.isConnected) this.overlay.before(link.hit, link.path);
    }
  }

  way(source, sourceKey, target, targetKey, kind) {
    const [y1, y2] = [source.anchor(sourceKey, this.data), target.anchor(targetKey, this.data)];
    const same = Math.abs(source.left - target.left) < 1;
    const side = kind === "tunnel" ? "right" : "left";
    const [side1, side2] = same ? [side, side] : source.left < target.left ? ["right", "left"] : ["left", "right"];
    const x = (card, on) => card.left + (on === "right" ? card.width : 0);
    return curve(x(source, side1), y1, side1, x(target, side2), y2, side2);
  }

  // The texts that stand for each node now.
  label() {
    this.labels = new Map();
    for (const card of this.cards) {
      if (!this.isDrawn(card)) continue;
      for (const item of card.items) {
        if (!item.dataset.key) continue;
        const index = this.network.byKey.get(item.dataset.key);
        if (index !== undefined) this.labels.set(index, [...(this.labels.get(index) ?? []), { card, item }]);
      }
    }
  }

  fold(card, mode) {
    card.set(mode, this.data);
    this.arrange();
  }

  toggle(card) {
    this.fold(card, card.mode === "folded" ? "shown" : "folded");
  }

  toggleTier(tier) {
    const mode = tier.heading.getAttribute("aria-expanded") === "true" ? "folded" : "shown";
    for (const card of tier.cards) card.set(mode, this.data);
    this.arrange();
  }

  toggleRest(tier) {
    tier.open = !tier.open;
    this.arrange();
  }

  drag(card, dx, dy) {
    card.dragged = [card.dragged[0] + dx, card.dragged[1] + dy];
    card.place();
    this.follow(this.links.filter((link) => this.cards[link.source] === card || this.cards[link.target] === card));
    this.onArranged?.();
  }

  reset() {
    for (const tier of this.tiers) tier.open = false;
    for (const card of this.cards) {
      card.dragged = [0, 0];
      card.set(card.first, this.data);
    }
    this.arrange();
  }

  // The card on which a node is to be found: where it is written, or where it belongs to, or what it is linked to.
  cardOf(index) {
    const written = this.labels.get(index);
    if (written) return (written.find(({ card }) => card.node === this.network.place(index)) ?? written[0]).card;
    const near = this.network.edgesAt[index].map((edge) => this.network.place(this.network.other(edge, index)));
    return [this.network.place(index), ...near].map((place) => this.byNode.get(place)).find(Boolean);
  }

  // Make a node seen, by opening what it is folded into. Gives back where it is written, if it is anywhere.
  show(index) {
    const written = () => {
      const found = this.labels.get(index) ?? [];
      return found.find(({ card }) => card.node === this.network.place(index)) ?? found[0];
    };
    const card = this.cardOf(index);
    if (!card) return null;
    if (!this.isDrawn(card)) this.toggleRest(this.tiers.find((tier) => tier.name === card.tier));
    for (const mode of ["shown", "whole"]) {
      if (written() || card.mode === "whole") break;
      if (mode !== "whole" || card.whole) this.fold(card, mode);
    }
    return written() ?? { card, item: card.parts.title };
  }

  get bounds() {
    const cards = this.cards.filter((card) => this.isDrawn(card));
    if (!cards.length) return { x: 0, y: 0, width: this.data.width, height: 100 };
    const [x, y] = [Math.min(...cards.map((card) => card.left)), Math.min(...cards.map((card) => card.top))];
    const right = Math.max(...cards.map((card) => card.left + card.width));
    const bottom = Math.max(...cards.map((card) => card.top + card.height));
    return { x: x - 10, y: Math.min(y - 34, 0), width: right - x + 60, height: bottom - Math.min(y - 34, 0) + 34 };
  }

  // Emphasise some nodes and edges; null: nothing. Edges that are not drawn are, as long as they are emphasised.
  emphasise(chosen, matches) {
    const { svg } = this;
    for (const old of svg.querySelectorAll(".near, .chosen, .match")) old.classList.remove("near", "chosen", "match");
    this.overlay.replaceChildren();
    svg.classList.toggle("dimmed", Boolean(chosen) || Boolean(matches));
    const mark = (nodes, name) => {
      for (const index of nodes) {
        for (const { item, card } of this.labels.get(index) ?? []) {
          item.classList.add(name);
          if (card.node === index) card.group.classList.add(name);
        }
      }
    };
    if (matches) mark(matches, "match");
    if (!chosen) return;
    mark(chosen.nodes, "near");
    mark(chosen.self, "chosen");
    const undrawn = [];
    for (const number of chosen.edges) {
      const link = this.linkOf.get(number);
      if (link?.hit.isConnected) link.path.classList.add("near");
      else undrawn.push(this.network.edges[number]);
    }
    const ways = new Set(undrawn.map((edge) => this.edgeWay(edge, { single: undrawn.length <= MOST_SINGLE })));
    ways.delete(null);
    for (const way of ways) this.overlay.append(element("svg:path", { d: way, class: "near" }));
    if (chosen.link) chosen.link.path.classList.add("chosen");
  }

  // The way of an edge that is not drawn by itself; `single`: from the very line on which a node is written.
  edgeWay({ kind, source, target }, { single }) {
    const [from, to] = [this.cardOf(source), this.cardOf(target)];
    if (!from || !to || from === to || !this.isDrawn(from) || !this.isDrawn(to)) return null;
    const [key1, key2] = [source, target].map((index) => (single ? this.network.nodes[index].key : null));
    return this.way(from, key1, to, key2, kind);
  }
}
