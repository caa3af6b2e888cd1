import Evaluation

/// Colours and type of the page; readable on light and on dark ground, and not by colour alone.
enum PageStyle {
    /// Hues that differ under the usual colour blindnesses (after Okabe and Ito, 2008).
    private static let hues = [
        "#0b7ac2", "#d9822b", "#0f9d76", "#c2588f", "#8a6fe0", "#c7a10a", "#3fa7d6", "#c4472b",
    ]

    /// The class of the hue at `index`; after the last comes the first.
    static func colour(_ index: Int) -> String { "c\(index % hues.count)" }

    /// The class of a row's lines: the whole profile stands out, what it is compared with is grey,
    /// and rows beyond the number of hues are dashed.
    static func row(_ row: EvaluationReport.Row, _ index: Int) -> String {
        switch row.name {
        case "profile": "whole"
        case "baseline": "rest dashed"
        case "oracle": "rest dotted"
        default: index < hues.count ? colour(index) : colour(index) + " dashed"
        }
    }

    static let sheet: String = {
        var css = """
            :root{color-scheme:light dark;--ground:#fff;--panel:#f6f7f9;--ink:#1b1f24;--soft:#5c6570;\
            --line:#d9dee4;--rest:#8b949e}
            @media (prefers-color-scheme:dark){:root{--ground:#14171b;--panel:#1c2127;--ink:#e8ebee;\
            --soft:#a0a9b4;--line:#343b44;--rest:#7d8691}}
            body{background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif;\
            margin:0 auto;max-width:1120px;padding:28px 20px 60px}
            h1{font-size:26px;margin:0 0 4px}h2{font-size:18px;margin:38px 0 8px}
            p.note,small,.lead{color:var(--soft)}.lead{margin:0 0 20px}
            .warn{border-left:4px solid #c4472b;background:var(--panel);padding:8px 14px}
            .scroll{overflow-x:auto}
            table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}
            th,td{padding:5px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
            th:first-child,td:first-child{text-align:left}thead th{color:var(--soft);font-weight:600}
            td.best{font-weight:700}td small{display:block;font-size:11px;line-height:1.2}
            table.settings{width:auto}table.settings td{text-align:left;white-space:normal}
            .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:14px}
            figure{background:var(--panel);border-radius:8px;margin:0;padding:12px}
            figcaption{font-weight:600;margin-bottom:4px}figure.wide{padding:0;overflow:hidden}
            svg{display:block;width:100%;height:auto}
            svg text{fill:var(--ink);font:11px system-ui,sans-serif}
            svg .tick,svg .axis{fill:var(--soft)}.grid{stroke:var(--line);stroke-width:1}
            .chance{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 4}
            .line{fill:none;stroke:currentColor;stroke-width:1.6;stroke-linejoin:round}
            .bar,.dot,.mark{fill:currentColor}.dot{fill-opacity:.75}.ground{fill:var(--panel)}
            .whisker{stroke:var(--ink);stroke-width:1.4}
            .whole{color:var(--ink)}.line.whole{stroke-width:2.8}
            .rest{color:var(--rest)}.dot.rest{fill-opacity:.4}
            .dashed{stroke-dasharray:6 3}.dotted{stroke-dasharray:1.5 3}
            .mark.dashed,.mark.dotted,.bar.dashed,.bar.dotted{stroke-dasharray:none}
            .bar.dotted{fill-opacity:.55}
            ul.legend{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:10px 0;padding:0}
            ul.legend svg.swatch{display:inline-block;height:10px;margin-right:6px;width:26px}
            .key{background:currentColor;border-radius:3px;display:inline-block;height:11px;\
            margin-right:6px;width:11px}
            """
        for (index, hue) in hues.enumerated() { css += "\n.c\(index){color:\(hue)}" }
        return css
    }()
}
