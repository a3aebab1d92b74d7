/// The colours of pages, and the colour and the sign of each status: in reports and in a service, they are the same.
package enum PageStyle {
    /// The variables of the colours, in light and, on a screen, in dark.
    package static let palette: StaticString = """
        :root{--page:#f4f6f8;--panel:#fff;--text:#1b2026;--soft:#545d68;--line:#d8dee4;--track:#eef1f4;--hit:#fff8dc;
        --green:#0a7350;--area:#96d0b8;--blue:#0b5cad;--haze:#b9d7f5;--grey:#626b75;--yellow:#8a5a00;--red:#b8330f;
        --purple:#6b3fb5;--pink:#a01f76;--cyan:#076d86}
        @media screen and (prefers-color-scheme:dark){:root{--page:#0e1216;--panel:#161b21;--text:#e4e9ef;--soft:#9fa9b5;
        --line:#303842;--track:#20272f;--hit:#2c2a16;--green:#3fc795;--area:#1c6b50;--blue:#74b3f7;--haze:#24405f;
        --grey:#98a2ae;--yellow:#e0b040;--red:#ff8a66;--purple:#bf9fff;--pink:#ff8fd0;--cyan:#5fcbe0}}
        """

    /// What browsers do by themselves, and should not.
    package static let reset: StaticString = """
        *{box-sizing:border-box}
        [hidden]{display:none!important}
        html{color-scheme:light dark;-webkit-text-size-adjust:100%;text-size-adjust:100%}
        """

    package static let blocks: StaticString = """
        code{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
        h1,h2,h3,p,ul,ol,dl,dd,figure{margin:0;padding:0}
        ul,ol{list-style:none}
        """

    package static let panels: StaticString = """
        a{color:inherit;text-decoration-color:var(--line);text-underline-offset:2px}
        a:hover{text-decoration-color:currentColor}
        :focus-visible{outline:2px solid var(--blue);outline-offset:2px}
        summary{cursor:pointer;color:var(--soft)}
        .panel{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:20px 24px;margin-bottom:16px}
        """

    /// A class for each status: `--k` is its colour, `--g` its sign.
    package static let statuses: StaticString = """
        .converged{--k:var(--green);--g:"✓"}
        .soaking{--k:var(--blue);--g:"◐"}
        .starting{--k:var(--blue);--g:"▸"}
        .flapping{--k:var(--yellow);--g:"≈"}
        .pending{--k:var(--grey);--g:"…"}
        .straggler{--k:var(--yellow);--g:"«"}
        .mixed{--k:var(--yellow);--g:"±"}
        .ahead{--k:var(--cyan);--g:"»"}
        .failed{--k:var(--red);--g:"✕"}
        .rolled_back{--k:var(--red);--g:"←"}
        .conflict{--k:var(--pink);--g:"≠"}
        .unreachable{--k:var(--purple);--g:"○"}
        .agent_error{--k:var(--purple);--g:"!"}
        .unverifiable{--k:var(--purple);--g:"?"}
        .missing{--k:var(--purple);--g:"∅"}
        """

    /// The convergence curve, see ``HTMLCurve``.
    package static let plot: StaticString = """
        .plot{display:block;width:calc(100% - 56px);height:240px;margin:10px 0 30px 56px;overflow:visible}
        .plot text{font-size:12px;fill:var(--soft);font-variant-numeric:tabular-nums}
        .count{text-anchor:end}
        .time{text-anchor:middle}
        .grid{stroke:var(--soft);stroke-opacity:.3;shape-rendering:crispEdges}
        .other-area{fill:var(--track)}
        .soaking-area{fill:var(--haze)}
        .proven-area{fill:var(--area)}
        .stripe{stroke:var(--blue);stroke-width:1.5;stroke-opacity:.55;fill:none}
        .proven-line,.end-line{fill:none;stroke:var(--green);stroke-width:2;vector-effect:non-scaling-stroke}
        .end-line{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 3}
        .keys{display:flex;flex-wrap:wrap;gap:2px 20px}
        .swatch{width:18px;height:12px;border:1px solid var(--grey);vertical-align:-1px}
        figcaption p{color:var(--soft)}
        .numbers{border-collapse:collapse;margin-top:6px;font-variant-numeric:tabular-nums}
        .numbers th,.numbers td{text-align:right;padding:1px 16px 1px 0;font-weight:400}
        .numbers thead th{color:var(--soft)}
        """

    /// The details of a run, see ``HTMLRunDetails``.
    package static let details: StaticString = """
        .columns{columns:26rem 2;column-gap:40px}
        .columns section{break-inside:avoid}
        .about h3{margin:0;padding:14px 0 6px}
        .about dl div{display:grid;grid-template-columns:10em 1fr;gap:0 12px;padding:3px 0;border-top:1px solid var(--line)}
        .about dt{color:var(--soft)}
        """
}
