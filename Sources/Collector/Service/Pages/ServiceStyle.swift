import Reports

/// The style of every page.
///
/// Words, shapes and colours of statuses are those of the HTML report.
enum ServiceStyle {
    static let css: Markup = """
        \(PageStyle.palette)
        :root{animation:old 1ms 15s forwards}
        /* Nothing on an open page stays green: 15 s after it was loaded, every status is a grey question mark. */
        @keyframes old{to{--green:var(--grey);--blue:var(--grey);--yellow:var(--grey);--red:var(--grey);--purple:var(--grey);
        --pink:var(--grey);--cyan:var(--grey);--area:var(--line);--haze:var(--track);--old:"?";--note:block;
        --strike:line-through;--seen:hidden}}
        .is,.verdict h1,.state,.cell strong,.figures dd{text-decoration-line:var(--strike,none)}
        \(PageStyle.reset)
        body{margin:0;background:var(--page);color:var(--text);overflow-wrap:anywhere;
        font:.9375rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
        .top,main,footer{max-width:1320px;margin:0 auto;padding:0 20px}
        \(PageStyle.blocks)
        h3{font-size:.95rem}
        h1{font-size:1.75rem;line-height:1.2;letter-spacing:-.01em}
        .panel>h1{margin-bottom:10px}
        h2{font-size:1.05rem;line-height:1.4;margin-bottom:8px}
        small{font-size:1em;font-weight:400;color:var(--soft)}
        \(PageStyle.panels)
        .hint{color:var(--soft)}
        .skip{position:absolute;left:-99em}
        .skip:focus{left:8px;top:8px;background:var(--panel);padding:4px 10px}

        .top{display:flex;flex-wrap:wrap;gap:4px 24px;align-items:baseline;padding-top:14px;padding-bottom:12px}
        .top>a{font-weight:600;text-decoration:none}
        .top ul{display:flex;flex-wrap:wrap;gap:4px 20px}
        .top li a,footer a{color:var(--soft)}
        .top [aria-current]{color:var(--text);font-weight:600;text-decoration:none}
        .top p{margin-left:auto;color:var(--soft);font-variant-numeric:tabular-nums}
        .old{display:var(--note,none);border:2px solid var(--grey);font-weight:600}
        footer{padding-bottom:24px;color:var(--soft)}

        \(PageStyle.statuses)
        .waived{--k:var(--grey);--g:"–"}
        .unknown{--k:var(--grey);--g:"?"}
        .is,.is::before{color:var(--k);font-weight:600;white-space:nowrap}
        .is::before{content:var(--old,var(--g));content:var(--old,var(--g)) / "";display:inline-block;width:1.1em;
        text-align:center;margin-right:.25em}

        .bar{display:block;width:100%;height:10px;background:var(--track);border-radius:3px}
        .bar path{fill:none;stroke:var(--k);stroke-width:10}
        .bar .soaking,.bar .straggler{stroke-width:6}
        .bar .starting{stroke-width:6;stroke-dasharray:5 2}
        .bar .flapping,.bar .mixed{stroke-width:8;stroke-dasharray:3 2}
        .bar .pending,.bar .waived,.bar .missing{stroke-width:2}
        .bar .ahead{stroke-width:7}
        .bar .failed,.bar .rolled_back,.bar .conflict{stroke-dasharray:4 1.5}
        .bar .unreachable,.bar .agent_error,.bar .unverifiable{stroke-width:3;stroke-dasharray:3 2}
        .bar .unknown{stroke-width:2;stroke-dasharray:1 3}
        .counts{display:flex;flex-wrap:wrap;gap:2px 20px;margin-top:8px;font-variant-numeric:tabular-nums}

        .verdict{border-top:6px solid var(--t,var(--line))}
        [data-tone=good]{--t:var(--green)}
        [data-tone=work]{--t:var(--blue)}
        [data-tone=unknown]{--t:var(--grey)}
        [data-tone=bad]{--t:var(--red)}
        .what{color:var(--soft)}
        .what bdi{font-weight:600;color:var(--text)}
        .headline{display:flex;flex-wrap:wrap;align-items:center;gap:8px 14px;margin:6px 0}
        .headline h1{flex:1 1 14rem;color:var(--t,inherit)}
        .symbol{width:2.25rem;height:2.25rem;flex:none;visibility:var(--seen,visible)}
        .symbol circle,.symbol .solid{fill:var(--t);stroke:none}
        .symbol path{fill:none;stroke:var(--panel);stroke-width:3}
        .symbol .hollow{fill:none;stroke:var(--t);stroke-width:3;stroke-dasharray:4 3}
        .symbol .hollow+path{stroke:var(--t)}
        .state{font-size:1.25rem;line-height:1.35}
        .figures{display:flex;flex-wrap:wrap;gap:8px 40px;margin:16px 0 14px}
        .figures dt{font-size:.85rem;color:var(--soft)}
        .figures dd{font-size:1.35rem;font-variant-numeric:tabular-nums}
        .verdict h2{margin:20px 0 4px}
        .todo li{margin-top:12px;padding-left:12px;border-left:3px solid var(--k,var(--line))}
        .todo strong{font-weight:600}
        .command{display:block;width:fit-content;max-width:100%;overflow-x:auto;white-space:pre;background:var(--track);
        border-radius:5px;
        padding:4px 10px;margin:4px 0;-webkit-user-select:all;user-select:all}

        .brief{margin-top:12px}
        .brief li{padding:3px 0 3px calc(12px + 9em);text-indent:-9em;border-left:3px solid var(--k);margin-top:6px}
        .brief .is{display:inline-block;min-width:8.5em;margin-right:.3em;text-indent:0}
        .brief strong{font-weight:600}

        .matrix{width:calc(100% + 16px);margin:-8px;border-collapse:separate;border-spacing:8px;table-layout:fixed}
        .matrix th{text-align:left;font-weight:400}
        .matrix thead th{color:var(--soft);padding:0 12px}
        .matrix th:first-child{width:9rem;padding-left:0}
        .matrix tbody th{font-weight:600;font-size:1.05rem;unicode-bidi:isolate}
        .matrix th span{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:3;overflow:hidden}
        .matrix td{padding:0;height:1px;color:var(--soft)}
        .matrix .none{padding:0 12px}
        .matrix td a{display:block;height:100%;padding:8px 12px 10px;border:1px solid var(--line);
        border-left:4px solid var(--k);
        border-radius:6px;text-decoration:none;color:var(--text);font-variant-numeric:tabular-nums}
        .matrix td a:hover{background:var(--track)}
        .matrix .unknown a{border-style:dashed;border-left-style:solid}
        .cell{display:flex;flex-wrap:wrap;align-items:baseline;gap:0 10px}
        .cell strong{font-size:1.35rem;font-weight:400;margin-left:auto}
        .cell strong span{font-size:.95rem;color:var(--soft)}
        .cell strong span{display:inline-block;white-space:pre}
        .cell i{font-style:normal}
        .matrix .bar{height:6px;margin:4px 0}
        .build{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:0 10px;font-size:.87rem}

        .filter{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;margin-bottom:12px}
        .filter input,.filter select,.filter button{font:inherit;color:inherit;background:var(--panel);
        border:1px solid var(--grey);border-radius:5px;padding:3px 10px;max-width:100%}
        .filter button{cursor:pointer}
        .filter label input,.filter label select{margin-left:6px}
        .filter [type=search]{width:17em}
        .filter fieldset{flex:1 0 100%;display:flex;flex-wrap:wrap;gap:4px 18px;border:0;margin:0;padding:0}
        .filter [type=checkbox]{margin:0 5px 0 0;vertical-align:-2px}
        .filter ::placeholder{color:var(--soft);opacity:1}

        .sign{display:flex;flex-wrap:wrap;gap:8px 12px;align-items:center;margin-top:12px}
        .sign label,.sign p{flex:1 0 100%;max-width:46rem}
        .sign label{font-weight:600}
        .sign input,.sign button{font:inherit;color:inherit;background:var(--panel);border:1px solid var(--grey);
        border-radius:5px;padding:6px 14px;max-width:100%}
        .sign input{flex:1 1 16rem;max-width:34rem}
        .sign button{cursor:pointer}
        .sign [aria-invalid]{border-color:var(--red)}

        .rows{width:100%;border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
        .rows th,.rows td{text-align:left;vertical-align:top;padding:7px 16px 7px 0;border-top:1px solid var(--line)}
        .rows thead th{position:sticky;top:0;background:var(--panel);color:var(--soft);font-weight:400;font-size:.85rem;
        border-top:0;
        box-shadow:0 1px var(--line);white-space:nowrap}
        .rows tr>:first-child{padding-left:10px}
        .rows tr>:last-child{padding-right:0}
        .rows tbody tr[class]>:first-child{box-shadow:inset 3px 0 var(--k)}
        .rows tbody th{font-weight:600;unicode-bidi:isolate}
        .rows tbody tr:hover{background:var(--track)}
        .rows td:empty::after{content:"–"}
        .rows small{display:block;font-size:.85em}
        .rows .why{width:40%}
        .why>span>a,.todo li>a{display:inline-block;min-height:24px;margin-right:6px}
        .rows code:not(.command),.rows time{white-space:nowrap}
        .next{display:flex;gap:20px;margin-top:12px;color:var(--soft)}

        .past li{display:grid;grid-template-columns:11.5rem 9rem 1fr;gap:0 16px;padding:7px 0 7px 10px;
        border-top:1px solid var(--line);
        border-left:3px solid var(--k);font-size:.9rem;font-variant-numeric:tabular-nums}

        \(PageStyle.plot)

        \(PageStyle.details)

        /* Without a script, a page that is loaded again loses what is typed. */
        .later{display:none;margin-bottom:8px}
        @media (scripting:none){.live .filter{display:none}.live .later{display:block}}

        .kiosk{font-size:clamp(16px,1.15vw,48px)}
        .kiosk .top,.kiosk main{max-width:none}
        .kiosk nav,.kiosk footer,.kiosk .filter,.kiosk .later,.kiosk .next,.kiosk .command{display:none}

        @media (max-width:60rem){
        .top,main,footer{padding-left:10px;padding-right:10px}
        .top p{margin-left:0;flex:1 0 100%}
        .panel{padding:14px}
        h1{font-size:1.4rem}
        .state{font-size:1.05rem}
        .figures{gap:8px 28px}
        .figures dd{font-size:1.1rem}
        .brief li{padding-left:12px;text-indent:0}.brief .is{min-width:0}
        .matrix{border-spacing:4px;margin:-4px;width:calc(100% + 8px)}
        .matrix th:first-child{width:25%}
        .matrix thead th{padding:0 2px;font-size:.8rem;overflow-wrap:normal}
        .matrix tbody th{font-size:.95rem}
        .matrix .none{padding:0 6px}
        .matrix td a{padding:7px 5px;border-left-width:3px}
        .command{white-space:pre-wrap}
        .cell{gap:0 2px}
        .cell strong{font-size:.95rem;margin:0}
        .cell strong span{font-size:1em}
        .cell i{font-size:0}
        .cell i::before{content:"/";font-size:.95rem}
        .cell .is{width:1.1em;height:1.5em;overflow:hidden;white-space:normal;word-break:break-all}
        .converged .cell strong span,.matrix .bar,.build{display:none}
        .wide,.wide tbody,.wide tr,.wide tbody th,.wide td{display:block}
        .wide thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        .matrix.wide tbody th{width:auto;padding-top:8px}
        .wide td{display:flex;height:auto}
        .wide td::before{content:attr(data-name);flex:1;align-self:center;color:var(--soft);padding-right:8px}
        .wide td a{flex:none}
        .wide .none{display:none}
        .rows,.rows tbody{display:block}
        .rows thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        .rows tr{display:flex;flex-wrap:wrap;gap:0 14px;border-top:1px solid var(--line);padding:8px 0 8px 10px}
        .rows tbody tr[class]{border-left:3px solid var(--k)}
        .rows tbody tr>*{border:0;padding:0!important;width:auto;box-shadow:none!important}
        .rows tbody th{flex:1 1 auto}
        .rows .why{flex:1 0 100%;min-width:0;max-width:100%}
        .rows .converged .why span,.rows td:empty{display:none}
        .rows td[data-name]::before{content:attr(data-name) " ";color:var(--soft)}
        .filter label,.filter [type=search],.filter select{width:100%}
        .filter label input,.filter label select{margin-left:0}
        .filter fieldset label{width:auto}
        .past li{grid-template-columns:1fr}
        .plot{width:calc(100% - 40px);margin-left:40px;height:200px}
        .about dl div{grid-template-columns:8em 1fr}
        }
        @media print{body{background:none}.top nav,.filter,.old{display:none}.panel{border:0;padding:0}
        svg{print-color-adjust:exact;-webkit-print-color-adjust:exact}}

        """

    /// The icon of every page. It has no tone: an icon of a page that is out of date keeps its colours.
    static let icon: Markup = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#39424d"/>\
        <path d="M7 10h18M7 16h18M7 22h11" fill="none" stroke="#fff" stroke-width="3"/></svg>

        """
}
