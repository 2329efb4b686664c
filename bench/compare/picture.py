"""Pictures as SVG, without a library: lines over a logarithmic latency, and groups of bars."""
import html

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 50, 50
COLOURS = {'ours': '#0b6e4f', 'nginx+Lua': '#c2571a', 'Node': '#6a4fb3', 'nginx': '#4a6785', 'HAProxy': '#8a8a8a'}


def text(x, y, words, anchor='start', size=12, weight='normal', colour='#222', turn=0):
    rotate = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ''
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{colour}"{rotate}>'
            f'{html.escape(words)}</text>')


def line(x1, y1, x2, y2, colour='#ddd', width=1):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def page(title, subtitle, parts):
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
            f'font-family="system-ui, sans-serif" role="img" aria-label="{html.escape(title)}">'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>')
    return '\n'.join([head, text(LEFT, 22, title, size=15, weight='600'), text(LEFT, 39, subtitle, colour='#666')] + parts + ['</svg>', ''])


def latency(series, subtitle):
    """series: {name: [(rate, p50_ms, p95_ms)]}; p95 as a line, p50 dotted."""
    rates = [rate for points in series.values() for rate, _, _ in points]
    if not rates:
        return None
    most_rate, top_ms, low_ms = max(rates), 1000.0, 40.0
    logs = [(50, '50'), (100, '100'), (200, '200'), (500, '500'), (1000, '1,000')]

    def x_of(rate):
        return LEFT + (WIDTH - LEFT - RIGHT) * rate / most_rate

    def y_of(ms):
        from math import log
        share = (log(min(max(ms, low_ms), top_ms)) - log(low_ms)) / (log(top_ms) - log(low_ms))
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    parts = []
    for ms, words in logs:
        parts += [line(LEFT, y_of(ms), WIDTH - RIGHT, y_of(ms)), text(LEFT - 8, y_of(ms) + 4, words, 'end')]
    for rate in range(0, int(most_rate) + 1, 5000 if most_rate > 12000 else 2000):
        parts.append(text(x_of(rate), HEIGHT - BOTTOM + 18, f'{rate:,}', 'middle'))
    parts += [line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, '#888'), text(18, (HEIGHT + TOP - BOTTOM) / 2, 'latency, ms (log)', 'middle', turn=-90),
              text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, 'commands offered a second, one core', 'middle')]
    labels = []
    for name, points in series.items():
        colour = COLOURS.get(name, '#333')
        for column, dash in ((2, ''), (1, ' stroke-dasharray="2 4"')):
            path = ' '.join(f'{x_of(p[0]):.1f},{y_of(p[column]):.1f}' for p in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        for point in points:
            parts.append(f'<circle cx="{x_of(point[0]):.1f}" cy="{y_of(point[2]):.1f}" r="3" fill="{colour}"/>')
        if points:
            labels.append((name, colour))
    for i, (name, colour) in enumerate(labels):
        y = TOP + 20 + 22 * i
        parts += [line(WIDTH - RIGHT + 14, y - 4, WIDTH - RIGHT + 38, y - 4, colour, 2), text(WIDTH - RIGHT + 46, y, name)]
    y = TOP + 30 + 22 * len(labels)
    parts += [text(WIDTH - RIGHT + 14, y, 'line: p95, dotted: p50', size=11, colour='#666')]
    return page('A command through the proxy: latency by rate', subtitle, parts)


def cpu(series, subtitle):
    """series: {name: {(connections, delay_us): cpu_us}}."""
    groups = sorted({key for values in series.values() for key in values})
    names = [name for name in ('nginx', 'HAProxy', 'nginx+Lua', 'ours', 'Node') if name in series]
    most = max((v for values in series.values() for v in values.values() if v), default=0)
    if not most:
        return None
    step = next(s for s in (5, 10, 20, 25, 50, 100, 200, 500, 1000) if most / s <= 8)
    most = -(-most // step) * step
    wide = (WIDTH - LEFT - RIGHT) / len(groups)
    bar = wide * 0.8 / len(names)

    def y_of(us):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * us / most

    parts = []
    for us in range(0, int(most) + 1, step):
        parts += [line(LEFT, y_of(us), WIDTH - RIGHT, y_of(us)), text(LEFT - 8, y_of(us) + 4, str(us), 'end')]
    for i, (connections, delay) in enumerate(groups):
        x = LEFT + wide * i + wide * 0.1
        for k, name in enumerate(names):
            value = series[name].get((connections, delay))
            if value:
                parts.append(f'<rect x="{x + bar * k:.1f}" y="{y_of(value):.1f}" width="{bar * 0.9:.1f}" height="{HEIGHT - BOTTOM - y_of(value):.1f}" '
                             f'fill="{COLOURS[name]}"/>')
                parts.append(text(x + bar * (k + 0.45), y_of(value) - 4, f'{value:.0f}', 'middle', 10))
        parts += [text(x + wide * 0.4, HEIGHT - BOTTOM + 17, f'{connections:,} connections', 'middle', 11),
                  text(x + wide * 0.4, HEIGHT - BOTTOM + 31, f'platform of {delay // 1000} ms', 'middle', 11)]
    for i, name in enumerate(names):
        y = TOP + 20 + 22 * i
        parts += [f'<rect x="{WIDTH - RIGHT + 14}" y="{y - 10}" width="14" height="11" fill="{COLOURS[name]}"/>', text(WIDTH - RIGHT + 36, y, name)]
    parts += [text(WIDTH - RIGHT + 14, TOP + 30 + 22 * len(names), 'nginx, HAProxy: pass on,', size=11, colour='#666'),
              text(WIDTH - RIGHT + 14, TOP + 45 + 22 * len(names), 'read no JSON', size=11, colour='#666'),
              text(18, (HEIGHT + TOP - BOTTOM) / 2, 'µs of processor time', 'middle', turn=-90)]
    return page('A command through the proxy: processor time', subtitle, parts)
