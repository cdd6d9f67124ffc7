"""Charts as coordinates; the templates draw them as SVG. Figures are decimals until they become pixels here.

Every chart is WIDTH × HEIGHT units, stretched to whatever room the page has.
"""

from decimal import Decimal

WIDTH = 1000
HEIGHT = 300


def nice_top(highest):
    """The top of an axis with four equal parts that ends at or above `highest`."""
    if highest <= 0:
        return Decimal(4)
    step = Decimal(10) ** (Decimal(highest / 4).adjusted())
    while True:
        for factor in ("1", "1.25", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "10"):
            top = 4 * step * Decimal(factor)
            if top >= highest:
                return top.normalize()
        step *= 10


def scale_labels(top):
    """The labels of the axis, from the top down."""
    return [format((top * part / 4).normalize(), "f") for part in (4, 3, 2, 1, 0)]


def burn_down(points, now, start, end, available, runs_out, burn_per_day):
    """What was available, as steps, and the forecast from now on. All times are Unix times; `runs_out` may be None."""
    top = nice_top(max([available, *(point.available for point in points)]))

    def x(at):
        return f"{min(max(float((at - start) / (end - start)), 0.0), 1.0) * WIDTH:.1f}"

    def y(amount):
        return f"{HEIGHT - min(max(float(amount / top), 0.0), 1.0) * HEIGHT:.1f}"

    path = ""
    for point in points:
        path += f"H{x(point.at)}V{y(point.available)}" if path else f"M{x(point.at)} {y(point.available)}"
    path += f"H{x(now)}V{y(available)}" if path else f"M{x(now)} {y(available)}"
    first = x(points[0].at) if points else x(now)
    if runs_out is not None and runs_out <= end:
        until, left = runs_out, Decimal(0)
    else:
        until, left = end, available - burn_per_day * (end - now) / 86400
    return {
        "line": path,
        "area": f"{path}V{HEIGHT}H{first}Z",
        "forecast": f"M{x(now)} {y(available)}L{x(until)} {y(left)}",
        "now": x(now),
        "now_y": y(available),
        "runs_out": x(runs_out) if runs_out is not None and runs_out <= end else None,
        "labels": scale_labels(top),
    }


def columns(values):
    """One column for each value, those below zero as nothing: the page's tables have the figures."""
    top = nice_top(max(values, default=0))
    step = WIDTH / max(len(values), 1)
    width = step * 0.72
    bars = []
    for place, value in enumerate(values):
        height = max(float(value / top), 0.0) * HEIGHT
        bars.append(
            (f"{place * step + (step - width) / 2:.2f}", f"{HEIGHT - height:.2f}", f"{width:.2f}", f"{height:.2f}")
        )
    return {"bars": bars, "labels": scale_labels(top)}


def stack(values):
    """Parts of one bar, side by side: pairs of offset and width."""
    total = sum(values)
    parts, offset = [], 0.0
    for value in values:
        width = float(value / total) * WIDTH if total > 0 else 0.0
        parts.append((f"{offset:.2f}", f"{width:.2f}"))
        offset += width
    return parts


def share(value, largest):
    """How long a bar is, in percent of the longest."""
    return f"{float(value / largest) * 100:.1f}" if largest > 0 and value > 0 else "0"
