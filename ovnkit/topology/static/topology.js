// The picture of a network that can be searched, selected, folded, dragged and zoomed; a page or a widget around an SVG.
import { Network } from "./network.js";
import { Panel } from "./panel.js";
import { Picture, element } from "./picture.js";
import { View } from "./view.js";

const HELP = [
  ["/", "search; Enter goes to the next match, Shift+Enter to the one before"],
  ["arrows", "from one thing in the picture to the next"],
  ["Enter", "select it"],
  ["f", "fold or unfold its card"],
  ["Shift + arrows", "move the picture"],
  ["+  −  0", "larger, smaller, all of it"],
  ["Esc", "select nothing, search for nothing"],
];
const HINT =
  "Select something to see what is known of it. Drag cards where you want them; a triangle folds a card, the name of a " +
  "column all of its cards, and a line with + shows what is folded away.";
const WIDE = 1100; // pixels from which on there is room for the panel from the beginning
const THEMES = ["system", "light", "dark"];

class Topology {
  constructor(root, data, options) {
    // `page`: there is nothing else in the page, so that its keys, its address and its colours may be used.
    this.options = { page: false, onSelect: () => {}, onSearch: () => {}, ...options };
    this.root = root;
    this.network = new Network(data);
    const svg = root.querySelector("svg");
    this.picture = new Picture(svg, data, this.network);
    this.matches = [];
    this.current = -1;
    this.selected = null;
    this.build(svg);
    this.view = new View(svg, this.picture, {
      wheel: this.options.page ? "zoom" : "ctrl",
      starting: () => this.measure(),
      started: () => this.selected && this.goTo(this.selected),
      grab: (target) => this.grab(target),
      changed: (scale) => (this.zoom.textContent = `${Math.round(scale * 100)} %`),
    });
    this.panel = new Panel(this.aside, this.network, {
      go: (target) => this.select(target, { show: true }),
      address: (target) => this.network.address(target),
      actions: (index) => this.actions(index),
      hint: HINT,
    });
    this.picture.onArranged = () => this.refresh();
    svg.addEventListener("click", (event) => this.onClick(event));
    svg.addEventListener("keydown", (event) => this.onKey(event));
    (this.options.page ? document : root).addEventListener("keydown", (event) => this.onAnyKey(event));
    if (this.options.page) window.addEventListener("hashchange", () => this.fromHash());
    this.refresh();
    this.panel.overview();
    if (this.options.page) this.fromHash();
  }

  // -- what is around the picture ---------------------------------------------------------------------------------------

  build(svg) {
    const button = (label, text, click) => element("button", { type: "button", "aria-label": label, title: label, click }, text);
    this.input = element("input", {
      type: "search", placeholder: "Name or address", "aria-label": "Search for a name or an address", autocomplete: "off",
      spellcheck: "false", input: () => this.search(this.input.value), keydown: (event) => this.onInputKey(event),
    });
    this.count = element("output", { class: "count", role: "status" });
    this.zoom = element("output", { class: "zoom" }, "100 %");
    this.aside = element("aside", { class: "panel", "aria-label": "Details", "aria-live": "polite", tabindex: "0" });
    const help = element("dl", {}, ...HELP.flatMap(([key, what]) => [element("dt", {}, element("kbd", {}, key)), element("dd", {}, what)]));
    this.help = element("dialog", { "aria-label": "Keyboard" }, element("h2", {}, "Keyboard"), help,
      element("form", { method: "dialog" }, element("button", {}, "Close")));
    this.details = button("Details", "Details", () => this.openPanel(this.aside.hidden));
    this.theme = button("Light or dark: as the system has it", "◐", () => this.switchTheme());
    const bar = element("div", { class: "bar", role: "toolbar", "aria-label": "Picture" },
      element("span", { class: "find", role: "search" }, this.input,
        button("The match before", "↑", () => this.jump(-1)), button("The next match", "↓", () => this.jump(1)), this.count),
      element("span", { class: "tools" },
        button("Smaller", "−", () => this.view.zoomBy(1 / 1.25)), this.zoom, button("Larger", "+", () => this.view.zoomBy(1.25)),
        button("All of it", "Fit", () => this.view.fit()), button("As it was at first", "Reset", () => this.reset()),
        this.options.page && this.theme, this.details, button("Keyboard", "?", () => this.help.showModal())));
    const legend = element("svg:svg", { class: "legend", role: "img", "aria-label": "What the signs mean",
      "font-family": svg.getAttribute("font-family"), "font-size": "11" }, ...this.picture.legend);
    const pane = element("div", { class: "pane" }, svg, legend);
    this.root.replaceChildren(bar, element("div", { class: "body" }, pane, this.aside), this.help);
    this.legend = legend;
    this.openPanel(false);
  }

  // What needs sizes, which there are when it is in the document.
  measure() {
    const { x, y, width, height } = this.legend.getBBox();
    const size = { viewBox: `${x - 6} ${y - 4} ${width + 12} ${height + 8}`, width: width + 12, height: height + 8 };
    for (const [name, value] of Object.entries(size)) this.legend.setAttribute(name, value);
    this.openPanel(Boolean(this.selected) || this.root.clientWidth >= WIDE);
  }

  openPanel(open) {
    this.aside.hidden = !open;
    this.details.setAttribute("aria-expanded", open);
    this.view?.resized();
  }

  switchTheme() {
    const now = document.documentElement.dataset.theme ?? THEMES[0];
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    if (next === THEMES[0]) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    const label = `Light or dark: ${next === THEMES[0] ? "as the system has it" : next}`;
    this.theme.textContent = { system: "◐", light: "○", dark: "●" }[next];
    for (const name of ["aria-label", "title"]) this.theme.setAttribute(name, label);
  }

  // -- selecting --------------------------------------------------------------------------------------------------------

  // Select a node or an edge, by {node} or {edge}; null: nothing. `show`: open what it is folded into, and go there.
  select(target, { show = false, tell = true } = {}) {
    this.selected = target;
    if (!target) {
      if (this.input.value) this.panel.found(this.input.value, this.matches);
      else this.panel.overview();
    } else if (target.node !== undefined) {
      this.panel.node(target.node);
    } else {
      this.panel.edge(this.picture.linkOf.get(target.edge)?.edges ?? [target.edge]);
    }
    const covered = target && this.aside.hidden;
    if (target) this.openPanel(true);
    if (show && target) this.goTo(target);
    // The panel may have come where it is.
    else if (covered && target.node !== undefined) this.view.reveal(this.picture.show(target.node)?.item ?? this.root);
    this.refresh();
    const address = target ? this.network.address(target) : "";
    if (this.options.page && location.hash.slice(1) !== address) location.hash = address;
    if (tell) this.options.onSelect(target?.node === undefined ? "" : this.network.nodes[target.node].key);
  }

  goTo({ node, edge }) {
    const found = this.picture.show(node ?? this.network.edges[edge].source);
    if (found) this.view.reveal(found.item, { centre: true });
  }

  fromHash() {
    const target = this.network.at(location.hash.slice(1));
    if (JSON.stringify(target) !== JSON.stringify(this.selected)) this.select(target, { show: true });
  }

  refresh() {
    const { selected, picture, network } = this;
    let chosen = null;
    if (selected?.node !== undefined) {
      chosen = { ...network.reach(selected.node), self: [selected.node] };
    } else if (selected) {
      const link = picture.linkOf.get(selected.edge);
      const edges = link?.edges ?? [selected.edge];
      chosen = { nodes: new Set(edges.flatMap((edge) => network.ends(edge))), edges, self: [], link };
    }
    picture.emphasise(chosen, this.input.value.trim() ? this.matches : null);
    this.rove();
    this.tellCount();
  }

  actions(index) {
    const { picture } = this;
    const button = (text, click) => element("button", { type: "button", click: () => (click(), this.panel.node(index)) }, text);
    const card = picture.byNode.get(index);
    const found = [button("Go there", () => this.goTo({ node: index }))];
    if (card) found.push(button(card.mode === "folded" ? "Unfold" : "Fold", () => picture.toggle(card)));
    if (card?.whole) {
      const whole = card.mode === "whole";
      found.push(button(whole ? "Show some of it" : "Show all of it", () => picture.fold(card, whole ? "shown" : "whole")));
    }
    return found;
  }

  reset() {
    this.input.value = "";
    this.search("");
    this.picture.reset();
    this.select(null);
    this.view.home();
  }

  // -- searching --------------------------------------------------------------------------------------------------------

  search(text, { tell = true } = {}) {
    if (this.input.value !== text) this.input.value = text;
    this.matches = this.network.search(text);
    this.current = -1;
    this.select(null);
    if (tell) this.options.onSearch(text);
  }

  tellCount() {
    const { matches, current } = this;
    const hidden = matches.filter((index) => !this.picture.labels.has(index)).length;
    const folded = hidden ? ` (${hidden} folded away)` : "";
    const number = matches.length === 1 ? "1 match" : `${matches.length} matches`;
    this.count.textContent = !this.input.value.trim() ? "" : current < 0 ? number + folded : `${current + 1} of ${number}`;
  }

  jump(step) {
    const { length } = this.matches;
    if (!length) return;
    this.current = this.current < 0 && step < 0 ? length - 1 : (this.current + step + length) % length;
    this.select({ node: this.matches[this.current] }, { show: true });
  }

  // -- pointer and keyboard ---------------------------------------------------------------------------------------------

  grab(target) {
    const group = target.closest(".card");
    if (!group || target.closest(".toggle, .more")) return null;
    const card = this.cardWith(group);
    return (dx, dy) => this.picture.drag(card, dx, dy);
  }

  cardWith(element) {
    const group = element.closest(".card");
    return group && this.picture.cards.find((card) => card.group === group);
  }

  onClick({ target }) {
    const link = target.closest("[data-link]");
    if (link) {
      const [edge] = this.picture.links[link.dataset.link].edges;
      return edge === undefined ? undefined : this.select({ edge });
    }
    return this.activate(target, { elsewhere: () => this.select(null) });
  }

  // What a click, or Enter, does on something in the picture.
  activate(target, { elsewhere = () => {} } = {}) {
    const { picture } = this;
    const card = this.cardWith(target);
    const [tier, rest] = [target.closest("[data-tier]"), target.closest("[data-rest]")];
    if (tier) return picture.toggleTier(picture.tiers[tier.dataset.tier]);
    if (rest) return picture.toggleRest(picture.tiers[rest.dataset.rest]);
    if (target.closest(".toggle")) return picture.toggle(card);
    if (target.closest(".more")) return picture.fold(card, card.mode === "whole" ? "shown" : "whole");
    const index = this.network.byKey.get(target.closest("[data-key]")?.dataset.key) ?? card?.node;
    return index === undefined ? elsewhere() : this.select({ node: index });
  }

  // One thing in the picture takes part in the order of Tab; arrows lead to the others.
  rove(item) {
    const old = this.roving;
    const items = this.items;
    this.roving = item ?? (items.includes(old) ? old : items[0]);
    if (old && old !== this.roving) old.removeAttribute("tabindex");
    this.roving?.setAttribute("tabindex", "0");
    if (!item) return;
    this.name(item);
    item.focus({ preventScroll: true });
    this.view.reveal(item);
  }

  get items() {
    const tiers = this.picture.tiers.flatMap((tier) => [tier.heading, ...tier.cards.filter((card) => this.picture.isDrawn(card)).flatMap((card) => card.items), ...(tier.rest ? [tier.rest] : [])]);
    return tiers;
  }

  // What a screen reader says of it.
  name(item) {
    const node = this.network.nodes[this.network.byKey.get(item.dataset.key)];
    const text = item.querySelector("text")?.textContent ?? item.textContent;
    item.setAttribute("aria-label", node ? [node.kind, node.label, node.state].filter(Boolean).join(" ") : text);
  }

  move(item, dx, dy) {
    const middle = (one) => {
      const { left, top, height } = one.getBoundingClientRect();
      return [left, top + height / 2];
    };
    const from = middle(item);
    let best = null;
    for (const other of this.items) {
      const to = middle(other);
      const [along, across] = dx ? [(to[0] - from[0]) * dx, Math.abs(to[1] - from[1])] : [(to[1] - from[1]) * dy, Math.abs(to[0] - from[0])];
      if (other === item || along < 3) continue;
      const far = along + across * 3;
      if (!best || far < best.far) best = { other, far };
    }
    if (best) this.rove(best.other);
  }

  onKey(event) {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const item = event.target.closest("[role=button]");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow && event.shiftKey) this.view.panBy(arrow[0] * -60, arrow[1] * -60);
    else if (arrow && item) this.move(item, ...arrow);
    else if (item && (event.key === "Enter" || event.key === " ")) this.activate(item);
    else if (item && event.key === "f" && this.cardWith(item)) {
      const card = this.cardWith(item);
      this.picture.toggle(card);
      this.rove(card.parts.title);
    } else return;
    event.preventDefault();
  }

  onAnyKey(event) {
    const typing = event.target.closest("input, dialog");
    if (event.ctrlKey || event.metaKey || event.altKey || typing) return;
    const does = {
      "/": () => this.input.focus(),
      "+": () => this.view.zoomBy(1.25),
      "=": () => this.view.zoomBy(1.25),
      "-": () => this.view.zoomBy(1 / 1.25),
      0: () => this.view.fit(),
      "?": () => this.help.showModal(),
      Escape: () => (this.input.value ? this.search("") : this.select(null)),
    }[event.key];
    if (!does) return;
    does();
    event.preventDefault();
  }

  onInputKey(event) {
    if (event.key === "Enter") this.jump(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") this.search("");
    else return;
    event.preventDefault();
  }

  destroy() {
    this.view.observer.disconnect();
    this.view.stop();
  }
}

export function mount(root, data, options = {}) {
  return new Topology(root, data, options);
}

// What a widget calls (anywidget's front-end module): the traits `picture`, `data`, `selected` and `search`.
function render({ model, el }) {
  let topology = null;
  const tell = (name, value) => {
    if (model.get(name) === value) return;
    model.set(name, value);
    model.save_changes();
  };
  const selected = () => {
    const node = topology.network.byKey.get(model.get("selected"));
    if (topology.selected?.node !== node) topology.select(node === undefined ? null : { node }, { show: true, tell: false });
  };
  const search = () => topology.input.value !== model.get("search") && topology.search(model.get("search"), { tell: false });
  const draw = () => {
    topology?.destroy();
    const root = element("div", { class: "ovnkit ovnkit-interactive in-cell" });
    const template = element("template");
    template.innerHTML = model.get("picture");
    root.append(template.content);
    el.replaceChildren(root);
    topology = mount(root, JSON.parse(model.get("data")), {
      onSelect: (key) => tell("selected", key),
      onSearch: (text) => tell("search", text),
    });
    search();
    selected();
  };
  draw();
  model.on("change:data", draw);
  model.on("change:selected", selected);
  model.on("change:search", search);
  return () => topology.destroy();
}

export default { render };
