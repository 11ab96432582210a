// What of the picture is seen: zoom and pan, with wheel, pointer, two fingers and keyboard.

const [LEAST, MOST] = [0.03, 8];
const THRESHOLD = 4; // so many pixels a pointer moves before it drags

export class View {
  // `grab(target)` gives what is dragged by a pointer that goes down there: a function of the way, or null to pan.
  constructor(svg, picture, { wheel, grab, changed, starting, started }) {
    Object.assign(this, { svg, picture, wheel, grab, changed, starting, started, x: 0, y: 0, scale: 1, pointers: new Map() });
    svg.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    svg.addEventListener("pointerdown", (event) => this.onDown(event));
    svg.addEventListener("pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, (event) => this.onUp(event));
    // What ends a drag is no click.
    svg.addEventListener("click", (event) => this.dragging && (event.stopImmediatePropagation(), (this.dragging = false)), true);
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(svg);
  }

  resized() {
    if (this.begun) return this.apply();
    if (!this.svg.clientWidth) return;
    this.begun = true;
    this.starting();
    this.home({ animate: false });
    this.started();
  }

  apply() {
    const { width, height } = this.size;
    this.svg.setAttribute("viewBox", `${this.x} ${this.y} ${width / this.scale} ${height / this.scale}`);
    this.changed?.(this.scale);
  }

  get size() {
    return { width: this.svg.clientWidth || 1, height: this.svg.clientHeight || 1 };
  }

  // Where a point of the window is in the picture.
  point(clientX, clientY) {
    const { left, top } = this.svg.getBoundingClientRect();
    return [this.x + (clientX - left) / this.scale, this.y + (clientY - top) / this.scale];
  }

  zoomBy(factor, clientX, clientY) {
    const { left, top, width, height } = this.svg.getBoundingClientRect();
    const [px, py] = [clientX ?? left + width / 2, clientY ?? top + height / 2];
    const before = this.point(px, py);
    this.scale = Math.min(MOST, Math.max(LEAST, this.scale * factor));
    const after = this.point(px, py);
    this.x += before[0] - after[0];
    this.y += before[1] - after[1];
    this.stop();
    this.apply();
  }

  panBy(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.stop();
    this.apply();
  }

  // As at the beginning: as wide as there is room for, no larger than it was drawn, from the top.
  home({ animate = true } = {}) {
    const { x, y, width } = this.picture.bounds;
    const scale = Math.min(1, this.size.width / width);
    this.goTo(x - Math.max(0, this.size.width / scale - width) / 2, y, scale, animate);
  }

  // All of it.
  fit() {
    const { x, y, width, height } = this.picture.bounds;
    const scale = Math.max(LEAST, Math.min(1.5, this.size.width / width, this.size.height / height));
    const room = this.size.width / scale - width;
    this.goTo(x - room / 2, y - Math.max(0, this.size.height / scale - height) / 2, scale, true);
  }

  // Move as little as is needed to see an element; `centre`: to its middle, and near enough to read it.
  reveal(item, { centre = false } = {}) {
    const box = item.getBoundingClientRect();
    const pane = this.svg.getBoundingClientRect();
    // How far one end or the other is outside, with a margin.
    const beyond = (from, to, start, end) => Math.min(0, from - start - 20) || Math.max(0, to - end + 20);
    const dx = beyond(box.left, box.right, pane.left, pane.right);
    const dy = beyond(box.top, box.bottom, pane.top, pane.bottom);
    const scale = centre ? Math.max(this.scale, 0.7) : this.scale;
    if (!dx && !dy && scale === this.scale) return;
    if (!centre) return this.goTo(this.x + dx / scale, this.y + dy / scale, scale, true);
    const [x, y] = this.point(box.left + box.width / 2, box.top + box.height / 2);
    this.goTo(x - pane.width / scale / 2, y - pane.height / scale / 2, scale, true);
  }

  goTo(x, y, scale, animate) {
    this.stop();
    const from = [this.x, this.y, this.scale];
    const set = (part) => {
      [this.x, this.y, this.scale] = [x, y, scale].map((to, index) => from[index] + (to - from[index]) * part);
      this.apply();
    };
    if (!animate || matchMedia("(prefers-reduced-motion: reduce)").matches) return set(1);
    const began = performance.now();
    const step = (now) => {
      const part = Math.min(1, Math.max(0, (now - began) / 220));
      set(1 - (1 - part) ** 3);
      this.frame = part < 1 ? requestAnimationFrame(step) : undefined;
    };
    this.frame = requestAnimationFrame(step);
  }

  stop() {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = undefined;
  }

  onWheel(event) {
    if (this.wheel === "ctrl" && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    // Two fingers on a touchpad come as a wheel with Ctrl, in small steps.
    this.zoomBy(Math.exp((-event.deltaY * lines) / (event.ctrlKey ? 150 : 500)), event.clientX, event.clientY);
  }

  onDown(event) {
    if (event.button !== 0) return;
    if (!this.pointers.size) {
      this.dragging = false;
      this.dragged = this.grab(event.target);
      this.start = [event.clientX, event.clientY];
    }
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (this.pointers.size === 2) return this.pinch(event.pointerId, now);
    if (!this.dragging && Math.hypot(now[0] - this.start[0], now[1] - this.start[1]) < THRESHOLD) return;
    if (!this.dragging) {
      this.dragging = true;
      this.svg.setPointerCapture(event.pointerId);
      this.svg.classList.add("dragging");
    }
    this.pointers.set(event.pointerId, now);
    const way = [now[0] - before[0], now[1] - before[1]];
    if (this.dragged) this.dragged(way[0] / this.scale, way[1] / this.scale);
    else this.panBy(...way);
  }

  pinch(id, now) {
    const [[, other]] = [...this.pointers].filter(([key]) => key !== id);
    const before = this.pointers.get(id);
    const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
    const middle = (point) => [(point[0] + other[0]) / 2, (point[1] + other[1]) / 2];
    this.dragging = true;
    this.pointers.set(id, now);
    const [from, to] = [middle(before), middle(now)];
    this.panBy(to[0] - from[0], to[1] - from[1]);
    this.zoomBy(apart(now) / apart(before), ...to);
  }

  onUp(event) {
    this.pointers.delete(event.pointerId);
    this.svg.classList.remove("dragging");
    if (event.type === "pointercancel") this.dragging = false;
  }
}
