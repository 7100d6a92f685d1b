"use strict";
const color = (number) => `var(--c${number ?? 0})`;
const shown = (value) => value == null ? "–" : Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en")
  : String(Number(value.toPrecision(3)));

function element(name, attributes, parent, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text != null) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function ticks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1), power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw), found = [];
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at++) found.push(at * step);
  return found;
}

function timeText(at, width) {
  const text = new Date(at).toISOString();
  return width > 3 * 864e5 ? text.slice(0, 10) : width > 6e5 ? text.slice(11, 16) : text.slice(11, 19);
}

function legend(box, entries) {
  const list = document.createElement("div");
  list.className = "legend";
  for (const [name, number, faint] of new Map(entries.filter((e) => e[0]).map((e) => [e[0], e])).values()) {
    const item = document.createElement("span"), sign = document.createElement("i");
    sign.style.cssText = `background:${color(number)};opacity:${faint ?? 1}`;
    item.append(sign, name);
    list.append(item);
  }
  box.append(list);
}

function drawLines(box, caption, chart) {
  const width = Math.max(box.clientWidth, 240), height = Math.round(Math.min(380, Math.max(240, width * 0.42)));
  const some = (part) => chart[part] ?? [];
  const xs = [...some("lines"), ...some("bands")].flatMap((l) => l.x).concat(some("spans").flatMap((s) => [s.from, s.to]));
  const ys = [...some("lines").flatMap((l) => l.y), ...some("bands").flatMap((b) => [...b.low, ...b.high])].filter((v) => v != null);
  let x0 = Math.min(...xs), x1 = Math.max(...xs), y0 = Math.min(...ys), y1 = Math.max(...ys);
  if (x0 === x1) { x0 -= 1; x1 += 1; }
  const room = (y1 - y0 || Math.abs(y1) || 1) * 0.06;
  y0 = y0 >= 0 && y0 - room < 0 ? 0 : y0 - room; y1 += room;
  const left = 12 + 7 * Math.max(...ticks(y0, y1, 5).map((v) => shown(v).length)), bottom = 40, top = 22;
  const X = (v) => left + (v - x0) / (x1 - x0) * (width - left - 10), Y = (v) => top + (y1 - v) / (y1 - y0) * (height - top - bottom);
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, height }, box);
  for (const v of ticks(y0, y1, 5)) {
    element("line", { x1: left, x2: width - 10, y1: Y(v), y2: Y(v), stroke: "var(--rule)" }, svg);
    element("text", { x: left - 6, y: Y(v) + 4, "text-anchor": "end" }, svg, shown(v));
  }
  const count = Math.max(2, Math.floor(width / (chart.time ? 120 : 90)));
  const places = chart.time ? Array.from({ length: count }, (_, i) => x0 + (x1 - x0) * (i + 0.5) / count) : ticks(x0, x1, count);
  for (const v of places) element("text", { x: X(v), y: height - 22, "text-anchor": "middle" }, svg, chart.time ? timeText(v, x1 - x0) : shown(v));
  element("text", { x: (left + width) / 2, y: height - 5, "text-anchor": "middle" }, svg, chart.x);
  element("text", { x: 2, y: 13 }, svg, chart.y);
  some("spans").forEach((s, i) => {
    const wide = X(s.to) - X(s.from);
    element("rect", { x: X(s.from), y: top, width: Math.max(wide, 1), height: height - top - bottom, fill: color(s.color), opacity: i % 2 ? 0.2 : 0.1 }, svg);
    if (s.text && wide > 7 * s.text.length) element("text", { x: X(s.from) + wide / 2, y: top + 13, "text-anchor": "middle" }, svg, s.text);
  });
  for (const b of some("bands")) {
    const path = b.x.map((v, i) => `${X(v)},${Y(b.high[i])}`).concat(b.x.map((v, i) => `${X(v)},${Y(b.low[i])}`).reverse());
    element("polygon", { points: path.join(" "), fill: color(b.color), opacity: b.opacity ?? 0.2 }, svg);
  }
  for (const m of some("marks")) element("line", { x1: X(m.x), x2: X(m.x), y1: top, y2: height - bottom, stroke: color(m.color), "stroke-width": 1.5 }, svg);
  for (const l of some("lines")) {
    let path = "", pen = "M";
    l.x.forEach((v, i) => { if (l.y[i] == null) pen = "M"; else { path += `${pen}${X(v).toFixed(1)},${Y(l.y[i]).toFixed(1)}`; pen = "L"; } });
    if (!l.dots) element("path", { d: path, fill: "none", stroke: color(l.color), "stroke-width": l.width ?? 1.8, "stroke-dasharray": l.dash ?? "none", "stroke-linejoin": "round" }, svg);
    if (l.dots || l.x.length < 30) l.x.forEach((v, i) => l.y[i] == null || element("circle", { cx: X(v), cy: Y(l.y[i]), r: l.dots ? 4 : 2.4, fill: color(l.color) }, svg));
  }
  legend(box, [...some("lines").map((l) => [l.name, l.color]), ...some("bands").map((b) => [b.name, b.color, (b.opacity ?? 0.2) + 0.15]), ...some("marks").map((m) => [m.name, m.color])]);
  svg.addEventListener("pointermove", (event) => {
    const at = x0 + ((event.clientX - svg.getBoundingClientRect().left) - left) / (width - left - 10) * (x1 - x0);
    const near = some("lines").flatMap((l) => { const i = l.x.reduce((best, v, k) => Math.abs(v - at) < Math.abs(l.x[best] - at) ? k : best, 0);
      return Math.abs(l.x[i] - at) < (x1 - x0) / 40 && l.y[i] != null ? [[l.x[i], l.name, l.y[i]]] : []; });
    caption.textContent = near.length ? `${chart.time ? timeText(near[0][0], x1 - x0) : shown(near[0][0])}: ${near.map((n) => `${n[1]} ${shown(n[2])}`).join(" · ")}` : "";
  });
}

function drawBars(box, caption, chart) {
  const width = Math.max(box.clientWidth, 240), all = chart.rows.flatMap((r) => r.bars);
  const far = Math.max(chart.reference ?? 0, ...all.map((b) => Math.max(b.value ?? 0, b.high ?? 0))) * 1.02 || 1;
  const low = Math.min(0, ...all.map((b) => b.value ?? 0));
  const height = chart.rows.reduce((sum, r) => sum + 24 + 16 * r.bars.length, 0) + 42;
  const X = (v) => 4 + (v - low) / (far - low) * (width - 70);
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, height }, box);
  for (const v of ticks(low, far, Math.max(2, Math.floor(width / 110)))) {
    element("line", { x1: X(v), x2: X(v), y1: 0, y2: height - 38, stroke: "var(--rule)" }, svg);
    element("text", { x: X(v), y: height - 22, "text-anchor": v === low ? "start" : "middle" }, svg, shown(v));
  }
  element("text", { x: width / 2, y: height - 4, "text-anchor": "middle" }, svg, chart.x);
  let y = 0;
  for (const row of chart.rows) {
    element("text", { x: 4, y: y + 15, class: "strong" }, svg, row.label);
    y += 20;
    for (const b of row.bars) {
      if (b.value == null) { element("text", { x: 6, y: y + 11 }, svg, "–"); y += 16; continue; }
      const bar = element("rect", { x: X(Math.min(0, b.value)), y: y + 1, width: Math.max(Math.abs(X(b.value) - X(0)), 1), height: 12, rx: 2, fill: color(b.color), opacity: 0.85 }, svg);
      element("title", {}, bar, `${row.label} ${b.name ?? ""} ${shown(b.value)}`);
      if (b.low != null) element("path", { d: `M${X(b.low)},${y + 7}H${X(b.high)}M${X(b.low)},${y + 3}v8M${X(b.high)},${y + 3}v8`, stroke: "var(--ink)", fill: "none" }, svg);
      element("text", { x: X(Math.max(b.value, b.high ?? b.value, 0)) + 6, y: y + 11 }, svg, Number.isInteger(b.value) || b.value >= 1000 ? shown(b.value) : b.value.toPrecision(3));
      y += 16;
    }
    y += 4;
  }
  if (chart.reference != null) element("line", { x1: X(chart.reference), x2: X(chart.reference), y1: 0, y2: height - 38, stroke: "var(--c1)", "stroke-dasharray": "4 3", "stroke-width": 1.5 }, svg);
  legend(box, all.map((b) => [b.name, b.color]));
}

for (const section of document.querySelectorAll("section.picture")) {
  const charts = JSON.parse(section.querySelector("script").textContent);
  const select = section.querySelector("select"), box = section.querySelector(".chart"), caption = section.querySelector("figcaption");
  const draw = () => {
    const chart = charts[select ? select.selectedIndex : 0];
    box.replaceChildren();
    caption.textContent = "";
    (chart.kind === "bars" ? drawBars : drawLines)(box, caption, chart);
  };
  let before = box.clientWidth;
  draw();
  addEventListener("resize", () => { if (box.clientWidth !== before) { before = box.clientWidth; draw(); } });
  select?.addEventListener("input", draw);
}
