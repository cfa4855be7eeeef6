// The plot above the list: one dot a trace, when it began and how long it took (logarithmic).

import { ago, duration, h, short, svg } from "/static/lib.js";

const HEIGHT = 112;
const LINES = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11];

export function draw(figure, traces) {
  figure.hidden = traces.length < 2;
  if (figure.hidden) return;
  const starts = traces.map((trace) => Date.parse(trace.start_time));
  const from = Math.min(...starts);
  const span = Math.max(1, Math.max(...starts) - from);
  const scale = scaleOf(traces.map((trace) => Math.max(1e3, trace.duration_nanos)));
  const dots = traces.map((trace, index) =>
    svg("a", { href: `/traces/${trace.id}`, tabindex: "-1" },
      svg("title", {}, `${short(trace.name)}, ${duration(trace.duration_nanos)}, ${ago(starts[index])}`),
      svg("circle", {
        class: trace.errors ? "bad" : `c${trace.services[0].color}`,
        cx: `${((starts[index] - from) / span) * 100}%`,
        cy: scale(trace.duration_nanos),
        r: 4,
      })));
  const lines = LINES.filter((nanos) => scale(nanos) > 8 && scale(nanos) < HEIGHT - 4);
  figure.replaceChildren(
    svg("svg", { class: "axis", height: HEIGHT },
      lines.map((nanos) => svg("text", { x: "100%", y: scale(nanos) + 4 }, round(nanos)))),
    svg("svg", { class: "field", height: HEIGHT },
      lines.map((nanos) => svg("line", { x1: 0, x2: "100%", y1: scale(nanos), y2: scale(nanos) })),
      dots),
    h("figcaption", {}, h("span", {}, ago(from)), h("span", {}, "duration of each trace"), h("span", {}, ago(from + span))));
}

const round = (nanos) => duration(nanos).replace(/\.0+ /, " ");

function scaleOf(durations) {
  const low = Math.log10(Math.min(...durations)) - 0.15;
  const high = Math.max(Math.log10(Math.max(...durations)) + 0.15, low + 0.6);
  return (nanos) => HEIGHT - 8 - ((Math.log10(Math.max(1e3, nanos)) - low) / (high - low)) * (HEIGHT - 20);
}
