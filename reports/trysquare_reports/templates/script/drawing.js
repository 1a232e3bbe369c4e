// Drawings: error in ULP against x, and a function with its derivative.

const ERROR = { width: 560, height: 200, left: 44, right: 10, top: 14, bottom: 22 };
const CURVE = { width: 260, height: 172 };
const DECADES = [1e300, 1e100, 1e38, 1e15, 1e4, 100, 10, 1, 0.1];
const APART = 36;
/** A step by more than this share of a curve's height is a jump, and not drawn as a slope. */
const JUMP = 0.3;
/** See `_level` in chunk.py. */
const STEPS = 16;
const INFINITE = 36 * 36 - 1;

const scale = (low, high, start, end) => (value) => start + ((value - low) / (high - low || 1)) * (end - start);
const squeeze = (x) => Math.asinh(Math.asinh(10 * Math.max(-1e307, Math.min(x, 1e307))));
const unsqueeze = (place) => Math.sinh(Math.sinh(place)) / 10;
const magnitude = (error) => Math.log10(1 + error);
const short = (value) => String(Number(value.toFixed(1)));
const ticked = (x, y, text, anchor, kind = "tick") =>
  svg("text", { class: kind, x: short(x), y: short(y), "text-anchor": anchor }, text.replaceAll("-", "−"));

/** Return the errors of a curve. @param {string} digits */
function errors(digits) {
  const found = [];
  for (let at = 0; at < digits.length; at += 2) {
    const level = parseInt(digits.slice(at, at + 2), 36);
    found.push(level === INFINITE ? Infinity : 2 ** (level / STEPS) - 1);
  }
  return found;
}

/**
 * Return error against x; both axes are compressed, infinite errors sit on the upper edge.
 * @param {string} title
 * @param {{style: number, x: number[], errors: number[]}[]} series
 * @param {number | null} limit
 * @param {[number, number] | null} span the x that are shown; all, if it is null
 * @param {(span: [number, number]) => void} zoom is told of the x that somebody drags over
 */
function errorFigure(title, series, limit, span, zoom) {
  const { width, height, left, right, top, bottom } = ERROR;
  const reach = Math.max(1, ...series.flatMap((one) => one.x.map(Math.abs)));
  const [from, to] = span ?? [-reach, reach];
  const inside = (x) => from <= x && x <= to;
  const seen = series.flatMap((one) => one.errors.filter((error, at) => inside(one.x[at]) && Number.isFinite(error)));
  const highest = Math.max(1, limit ?? 0, ...seen);
  const horizontal = scale(squeeze(from), squeeze(to), left, width - right);
  const vertical = scale(0, magnitude(highest) * 1.05, height - bottom, top);
  const across = (x) => horizontal(squeeze(x));
  const up = (error) => vertical(magnitude(Math.min(error, highest * 1.1)));
  const base = height - bottom;
  const parts = [svg("path", { class: "axis", d: `M${left} ${base}H${width - right}` }),
    inside(0) ? svg("path", { class: "grid", d: `M${short(across(0))} ${base}V${top}` }) : ""];
  const taken = [];
  for (const x of [...(span ?? []), 0, ...DECADES.flatMap((decade) => [-decade, decade]), ...between(from, to)].filter(inside)) {
    if (taken.every((other) => Math.abs(across(x) - other) >= APART)) {
      taken.push(across(x));
      parts.push(svg("path", { class: "axis", d: `M${short(across(x))} ${base}v4` }), ticked(across(x), height - 6, decimal(x), "middle"));
    }
  }
  const powers = Math.floor(Math.log10(highest));
  const step = Math.max(1, Math.ceil(Math.log10(highest) / 5));
  for (let power = -step; power <= powers; power += step) {
    const error = power < 0 ? 0 : 10 ** power;
    parts.push(svg("path", { class: "grid", d: `M${left} ${short(up(error))}H${width - right}` }),
      ticked(left - 6, up(error) + 3, figure(error), "end"));
  }
  if (limit !== null) {
    parts.push(svg("path", { class: "limit", d: `M${left} ${short(up(limit))}H${width - right}` }),
      ticked(width - right - 2, up(limit) - 4, `limit ${figure(limit)}`, "end", "tick limit"));
  }
  for (const one of series) {
    const columnsOf = new Map();
    one.x.forEach((x, at) => {
      if (!inside(x)) return;
      const column = 2 * Math.round(across(x) / 2);
      columnsOf.set(column, Math.max(columnsOf.get(column) ?? 0, one.errors[at]));
    });
    const path = [...columnsOf].sort(([a], [b]) => a - b).map(([x, error]) => `${x} ${short(up(error))}`);
    parts.push(svg("path", { class: `error s${one.style % 8}`, d: `M${path.join("L")}` }));
  }
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title }, parts);
  dragged(drawing, (x) => unsqueeze(scale(left, width - right, squeeze(from), squeeze(to))(Math.max(left, Math.min(x, width - right)))), zoom);
  return drawing;
}

const decimal = (x) => (x === 0 || (Math.abs(x) >= 1e-3 && Math.abs(x) < 1e4) ? String(Number(x.toPrecision(3))) : String(Number(x.toPrecision(2))).replace("e+", "e"));

/** Numbers for an axis on which few powers of ten lie. */
const between = (from, to) => Array.from({ length: 9 }, (_, at) => unsqueeze(scale(0, 8, squeeze(from), squeeze(to))(at)));

/** Let a reader drag over a part of a drawing. @param {SVGElement} figure @param {(x: number) => number} meant */
function dragged(figure, meant, zoom) {
  const { width, height, top, bottom } = ERROR;
  const band = svg("rect", { class: "band", y: top, height: height - top - bottom, width: 0 });
  let began = null;
  const at = (event) => ((event.clientX - figure.getBoundingClientRect().left) / figure.clientWidth) * width;
  const over = (event) => [began, at(event)].sort((a, b) => a - b);
  figure.append(band);
  figure.addEventListener("pointerdown", (event) => {
    began = at(event);
    figure.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  figure.addEventListener("pointermove", (event) => {
    if (began === null) return;
    const [low, high] = over(event);
    band.setAttribute("x", short(low));
    band.setAttribute("width", short(high - low));
  });
  figure.addEventListener("pointerup", (event) => {
    const [low, high] = over(event);
    began = null;
    band.setAttribute("width", 0);
    if (high - low > 8) zoom([meant(low), meant(high)]);
  });
}

/** Return a piece of the line of a target, for a legend. @param {number} style */
const lineOf = (style) => svg("svg", { class: "sample", viewBox: "0 0 34 6", "aria-hidden": "true" },
  svg("path", { class: `error s${style % 8}`, d: "M0 3H34" }));

/** Return a function and its derivative on one pair of axes. @param {[string, [number, number][]][]} curves */
function curveFigure(title, curves) {
  const { width, height } = CURVE;
  const points = curves.flatMap(([, them]) => them);
  if (points.length === 0) return null;
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const low = Math.min(0, Math.max(left, Math.min(...ys)));
  const high = Math.max(0, Math.min(right, Math.max(...ys)), low + 1e-9);
  const across = scale(left, right, 8, width - 8);
  const up = scale(low, high, height - 16, 14);
  const parts = [svg("path", { class: "axis", d: `M8 ${short(up(0))}H${width - 8}` })];
  if (left < 0 && right > 0) parts.push(svg("path", { class: "axis", d: `M${short(across(0))} 8V${height - 12}` }));
  curves.forEach(([, them], number) => {
    const margin = (high - low) * 0.02;
    const heights = them.map(([, y]) => y);
    const jump = JUMP * (Math.max(...heights) - Math.min(...heights));
    let [path, last] = ["", NaN];
    for (const [x, y] of them) {
      const inside = low - margin <= y && y <= high + margin;
      if (inside) path += `${Math.abs(y - last) <= jump ? "L" : "M"}${short(across(x))} ${short(up(y))}`;
      last = inside ? y : NaN;
    }
    parts.push(svg("path", { class: `curve c${number % 4}`, d: path }));
  });
  parts.push(ticked(8, height - 2, figureSigned(left), "start"), ticked(width - 8, height - 2, figureSigned(right), "end"),
    ticked(left < 0 && right > 0 ? across(0) + 4 : 12, 12, figureSigned(high), "start"));
  const names = curves.map(([name]) => name).join(", ");
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${names}` }, parts);
}

const figureSigned = (value) => String(Number(value.toPrecision(3)));
