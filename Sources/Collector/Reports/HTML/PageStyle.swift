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
}
