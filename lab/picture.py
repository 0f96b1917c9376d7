"""A run as a picture: one row a resource, its time on an axis, the critical path drawn through it.

Plain SVG text, pure: stages in, markup out. No script, no font of its own, colours for light and
dark pages. It shows names, types and times; values never come near it.
"""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from lab.critical import CriticalPath
from lab.events import Stage

ROW, BAR = 18, 10  # pixels
TOP, BOTTOM = 96, 24
LABELS, CHART, MARGIN, DURATION = 330, 640, 16, 56
WIDTH = MARGIN + LABELS + CHART + DURATION + MARGIN
LEFT = MARGIN + LABELS
LEGEND_STEP = 112
TICKS = 10
STEPS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds
# Layers in the order in which a cluster comes to be; hues that stay apart without red or green.
COLOURS = {
    "auth": "#8f6bd6",
    "storage": "#b9770e",
    "infrastructure": "#2f7ed8",
    "cni": "#0f9b8e",
    "secrets": "#c2549d",
    "gitops": "#6b7f1f",
    "dns": "#4c6a92",
    "stack": "#7d7d7d",
}
STYLE = """
  .page { fill: #ffffff } text { fill: #1f2328; font: 12px ui-sans-serif, system-ui, sans-serif }
  .quiet { fill: #59636e } .grid { stroke: #d1d9e0 } .title { font-size: 16px; font-weight: 600 }
  .critical { font-weight: 700 } .edge { stroke: #cf222e; fill: none; stroke-width: 1.5 }
  .path { stroke: #cf222e; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 } .quiet { fill: #9198a1 }
    .grid { stroke: #30363d } .edge, .path { stroke: #ff7b72 }
  }
"""


def picture(stack: str, stages: Sequence[Stage], path: CriticalPath, seconds: float) -> str:
    """The SVG document; `seconds` is what the whole command took."""
    rows = sorted(
        (stage for stage in stages if not stage.is_component),
        key=lambda stage: (stage.start, stage.end, stage.urn),
    )
    scale = CHART / max(seconds, *(stage.end for stage in rows), 0.001)
    height = TOP + ROW * len(rows) + BOTTOM
    title = f"{stack}: {len(rows)} resources in {seconds:.1f} s"
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={quoteattr(title)}>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>',
        *heading(title, path, seconds),
        *legend([layer for layer in COLOURS if any(row.layer == layer for row in rows)]),
        *axis(max(seconds, 0.001), scale, height - BOTTOM),
        *edges(rows, path, scale),
        *(line for index, stage in enumerate(rows) for line in row(index, stage, path, scale)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def heading(title: str, path: CriticalPath, seconds: float) -> Iterator[str]:
    """What this is, and what the critical path comes to."""
    share = f"{100 * path.seconds / seconds:.0f} %" if seconds else "all"
    yield text(MARGIN, 28, title, "title")
    said = (
        f"critical path: {len(path.stages)} resources, each waiting for the one before,"
        f" {path.seconds:.1f} s together ({share}); the rest is the engine and the program"
    )
    yield text(MARGIN, 48, said, "quiet")


def legend(layers: Sequence[str]) -> Iterator[str]:
    """Which colour is which layer."""
    for index, layer in enumerate(layers):
        left = MARGIN + index * LEGEND_STEP
        yield f'<rect x="{left}" y="59" width="10" height="10" fill="{COLOURS[layer]}" rx="2"/>'
        yield text(left + 15, 68, layer)
    left = MARGIN + len(layers) * LEGEND_STEP
    yield f'<rect class="path" x="{left}" y="59" width="10" height="10" fill="none" rx="2"/>'
    yield text(left + 15, 68, "critical path")


def axis(seconds: float, scale: float, bottom: int) -> Iterator[str]:
    """Lines at round times, from the command's start."""
    step = next((one for one in STEPS if seconds / one <= TICKS), STEPS[-1])
    for index in range(int(seconds / step) + 1):
        left = LEFT + index * step * scale
        yield f'<path class="grid" d="M{left:.1f} {TOP - 6}V{bottom}"/>'
        yield text(left, TOP - 10, f"{index * step:g} s", "quiet", anchor="middle")


def row(index: int, stage: Stage, path: CriticalPath, scale: float) -> Iterator[str]:
    """One resource: what it is, its bar, how long it took when that can be seen."""
    top = TOP + index * ROW
    critical = stage.urn in path.urns
    base = top + 13
    yield text(LEFT - 8, base, label(stage), "critical" if critical else "", anchor="end")
    left, width = LEFT + stage.start * scale, max(stage.seconds * scale, 2.0)
    # A layer this does not know yet is still drawn.
    colour = COLOURS.get(stage.layer, COLOURS["stack"])
    said = f"{stage.kind} {stage.name}: {stage.start:.1f} s to {stage.end:.1f} s"
    yield (
        f'<rect{" class=" + quoteattr("path") if critical else ""} x="{left:.1f}" y="{top + 4}"'
        f' width="{width:.1f}" height="{BAR}" rx="2" fill="{colour}">'
        f"<title>{escape(said)}</title></rect>"
    )
    if stage.seconds >= 0.1:
        yield text(left + width + 5, base, f"{stage.seconds:.1f} s", "quiet")


def edges(rows: Sequence[Stage], path: CriticalPath, scale: float) -> Iterator[str]:
    """The way from each bar of the critical path to the next."""
    places = {stage.urn: index for index, stage in enumerate(rows)}
    for one, other in zip(path.stages, path.stages[1:], strict=False):
        start, end = LEFT + one.end * scale, LEFT + other.start * scale
        above, below = (TOP + places[stage.urn] * ROW + 9 for stage in (one, other))
        yield f'<path class="edge" d="M{start:.1f} {above}V{below}H{end:.1f}"/>'


def label(stage: Stage) -> str:
    """The resource's name and class; the layer, which the name begins with, is the colour."""
    return f"{stage.name.removeprefix(f'{stage.layer}-')} ({stage.kind})"


def text(left: float, base: float, content: str, name: str = "", anchor: str = "start") -> str:
    """A line of text."""
    style = f" class={quoteattr(name)}" if name else ""
    return f'<text{style} x="{left:.1f}" y="{base}" text-anchor="{anchor}">{escape(content)}</text>'
