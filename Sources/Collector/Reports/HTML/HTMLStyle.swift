/// The style of the page on a screen in light and dark, on a phone, and on paper.
///
/// The colours are distinct for readers with red-green colour blindness (bluish green, vermilion, yellow, blue, purple), and
/// colour is never the only difference: statuses are words with a sign, and the lines of a timeline differ in height and
/// dashes. Text has a contrast of at least 4.5, which `Tests/Browser` measures.
enum HTMLStyle {
    static let css: Markup = """

        \(PageStyle.palette)
        \(PageStyle.reset)
        body{margin:0;background:var(--page);color:var(--text);
        font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
        main{max-width:1320px;margin:0 auto;padding:20px}
        \(PageStyle.blocks)
        h1{font-size:1.75rem;line-height:1.2;letter-spacing:-.01em}
        h2{font-size:1.05rem;line-height:1.4;margin-bottom:8px}
        h3{font-size:.95rem;margin:20px 0 6px}
        h3 small,small{font-size:1em;font-weight:400;color:var(--soft)}
        \(PageStyle.panels)

        \(PageStyle.statuses)
        td>b,.counts b,.legend b,.remedies b{color:var(--k);font-weight:600;white-space:nowrap}
        td>b::before,.counts b::before,.legend b::before,.remedies b::before,.hosts li[class]::before{
        content:var(--g);content:var(--g) / "";display:inline-block;min-width:1.25em}

        path.converged,path.soaking,path.starting,path.flapping,path.pending,path.straggler,path.mixed,
        path.ahead,path.failed,path.rolled_back,path.conflict,path.unreachable,path.agent_error,path.unverifiable,
        path.missing{fill:none;stroke:var(--k);stroke-width:10}
        path.soaking{stroke-width:6}
        path.starting{stroke-width:6;stroke-dasharray:5 2}
        path.flapping{stroke-width:8;stroke-dasharray:2 2}
        path.pending{stroke-width:2}
        path.straggler{stroke-width:5}
        path.mixed{stroke-width:8;stroke-dasharray:4 2}
        path.ahead{stroke-width:7}
        path.failed{stroke-dasharray:4 1.5}
        path.rolled_back{stroke-dasharray:9 2}
        path.unreachable{stroke-width:3;stroke-dasharray:2 2}
        path.agent_error{stroke-width:4;stroke-dasharray:6 2}
        path.unverifiable{stroke-width:4}
        path.missing{stroke-width:2;stroke-dasharray:1 3}

        .verdict{border-top:6px solid var(--t)}
        [data-tone=good],[data-tone=tolerated]{--t:var(--green)}
        [data-tone=neutral]{--t:var(--grey)}
        [data-tone=bad]{--t:var(--red)}
        .what{color:var(--soft)}
        .what bdi{font-weight:600;color:var(--text)}
        .headline{display:flex;flex-wrap:wrap;align-items:center;gap:8px 14px;margin:8px 0}
        .symbol{width:36px;height:36px;flex:none}
        .symbol circle,.symbol .solid{fill:var(--t);stroke:none}
        .symbol path{fill:none;stroke:var(--panel);stroke-width:3}
        .symbol .hollow{fill:none;stroke:var(--t);stroke-width:3}
        .symbol .hollow+path{stroke:var(--t)}
        .headline h1{flex:1 1 14rem;color:var(--t)}
        .codes{color:var(--soft);border:1px solid var(--line);border-radius:5px;padding:3px 10px}
        .codes b{color:var(--text)}
        .state{font-size:1.25rem;line-height:1.35;margin-bottom:4px}
        .when{color:var(--soft);margin-bottom:8px}
        .reason{font-size:1.1rem}
        .reason::first-letter{text-transform:uppercase}
        .also{margin-top:6px;color:var(--soft)}
        .also li::before{content:"Also "}
        .figures{display:flex;flex-wrap:wrap;gap:8px 40px;margin:18px 0 14px}
        .figures dt{font-size:.85rem;color:var(--soft)}
        .figures dd{font-size:1.35rem;font-variant-numeric:tabular-nums}
        .figures div:first-child dd{font-weight:600}
        .fleet{display:block;width:100%;height:14px;background:var(--track);border-radius:3px}
        .counts{display:flex;flex-wrap:wrap;gap:2px 20px;margin:8px 0 0;font-variant-numeric:tabular-nums}
        .verdict h2{margin:20px 0 4px}
        .remedies li{margin-top:12px;padding-left:12px;border-left:3px solid var(--k,var(--line))}
        .remedies em{font-style:normal}
        .todo{font-weight:600}
        .command{display:block;width:fit-content;max-width:100%;overflow-x:auto;white-space:pre;font-weight:400;
        background:var(--track);border-radius:5px;padding:4px 10px;margin:4px 0}
        .copy{-webkit-user-select:all;user-select:all}
        .who a{margin-right:6px}
        .hint{color:var(--soft)}
        .warnings li{padding-left:12px;border-left:3px solid var(--line)}

        \(PageStyle.plot)

        .filter{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;margin-bottom:12px}
        .filter input,.filter select,.filter button{font:inherit;color:inherit;background:var(--panel);
        border:1px solid var(--grey);border-radius:5px;padding:3px 8px;max-width:100%}
        .filter input{width:20em}
        .filter select{width:16em}
        .filter output{color:var(--soft)}
        .filter ::placeholder{color:var(--soft);opacity:1}
        .legend{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr));gap:2px 24px;font-size:.9rem}
        .legend li{display:grid;grid-template-columns:16em 1fr;gap:0 8px}
        .legend label{white-space:nowrap}
        .legend svg{width:34px;height:12px;vertical-align:-1px;background:var(--track)}
        .legend input{margin:0 7px 0 0;vertical-align:-2px}
        .legend li>span,.legend .count{color:var(--soft)}
        .fold{border-top:1px solid var(--line)}
        .large .fold{content-visibility:auto;contain-intrinsic-size:auto 41px}
        .fold>summary{padding:8px 0}
        .unprinted{display:none}
        .nothing{padding:16px 0}
        .matches li{display:grid;grid-template-columns:minmax(0,3fr) 130px minmax(0,5fr);gap:0 14px;padding:6px 0 6px 10px;
        border-top:1px solid var(--line);border-left:3px solid var(--k);font-size:.9rem;font-variant-numeric:tabular-nums}
        .matches bdi{font-weight:600}
        .matches b{color:var(--k);font-weight:600;white-space:nowrap}
        .matches b::before{content:var(--g);content:var(--g) / "";display:inline-block;min-width:1.25em}
        .matches small{display:block;font-size:.8rem}

        .hosts{width:100%;border-collapse:collapse;table-layout:fixed;font-size:.9rem;font-variant-numeric:tabular-nums}
        .hosts th,.hosts td{text-align:left;vertical-align:top;padding:6px 14px 6px 0;border-top:1px solid var(--line)}
        .hosts thead th{position:sticky;top:0;background:var(--panel);color:var(--soft);font-weight:400;font-size:.85rem;
        line-height:1.25;vertical-align:bottom;border-top:0;box-shadow:0 1px var(--line);z-index:1;overflow-wrap:normal}
        .hosts th:first-child{width:15%;padding-left:10px}
        .hosts th:nth-child(2){width:130px}
        .hosts th:nth-child(3){width:13%}
        .hosts th:nth-child(5){width:112px}
        .hosts th:nth-child(6){width:82px}
        .hosts th:nth-child(7){width:70px}
        .hosts th:nth-child(8){width:60px}
        .hosts tr>:last-child{padding-right:0}
        .hosts td:empty::after{content:"–"}
        .hosts tbody th{font-weight:600;box-shadow:inset 3px 0 var(--k);unicode-bidi:isolate}
        .hosts tbody th a{text-decoration:none}
        .hosts tbody th a:hover{text-decoration:underline}
        .hosts tr{scroll-margin-top:48px}
        .hosts tr:target{background:var(--hit)}
        .hosts i{display:inline-block;font-style:normal;font-weight:400;font-size:.8rem;color:var(--soft);
        margin-right:8px;unicode-bidi:isolate}
        .hosts th>a{display:block}
        .hosts svg{display:block;width:100%;height:14px;margin-top:4px;background:var(--track);border-radius:2px}
        .hosts td>span,.hosts li{unicode-bidi:isolate}
        .hosts em{font-style:normal;font-weight:600}
        .waiver{margin-top:2px}
        .hosts details{font-size:.95em}
        .hosts details:not([open]){display:inline-block;margin-left:6px}
        .hosts details p{color:var(--soft);margin:2px 0;white-space:pre-line}
        .hosts ol{margin:2px 0 4px;padding-left:10px;border-left:2px solid var(--line)}
        .hosts li[class]::before{color:var(--k);font-weight:600}

        \(PageStyle.details)

        @media (max-width:60rem){
        main{padding:8px}
        .panel{padding:14px}
        .hosts,.hosts tbody,.hosts th,.hosts td{display:block;border:0;padding:0}
        .hosts thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        .hosts tr{display:flex;flex-wrap:wrap;border-top:1px solid var(--line);border-left:3px solid var(--k);
        padding:8px 0 8px 10px}
        .hosts tbody th:first-child{flex:1 1 0;width:auto;padding:0;box-shadow:none;margin-right:12px}
        .hosts td:nth-child(3),.hosts td:nth-child(4){flex:1 0 100%}
        .hosts td:nth-child(n+5){color:var(--soft);margin-right:12px}
        .hosts td:empty{display:none}
        .hosts td:nth-child(5)::before{content:"serves "}
        .hosts td:nth-child(6)::before{content:"converged after "}
        .hosts td:nth-child(7)::before{content:"requests "}
        .hosts td:nth-child(8)::before{content:"last answer "}
        .filter label{width:100%}
        .filter input,.filter select{width:100%}
        .about dl div{grid-template-columns:9.5em 1fr}
        .legend li,.matches li{grid-template-columns:1fr}
        }

        @media print{
        @page{margin:14mm}
        body{background:none;font-size:10pt}
        main{max-width:none;padding:0}
        .panel{border:0;border-radius:0;padding:0 0 8px;margin:0 0 12px;break-inside:auto}
        .verdict{border-top:6px solid var(--t);padding-top:8px}
        .filter,.legend input{display:none!important}
        .legend{grid-template-columns:1fr 1fr}
        .columns{columns:2}
        .about dl div{grid-template-columns:9em 1fr}
        svg,.hosts tbody th{print-color-adjust:exact;-webkit-print-color-adjust:exact}
        .hosts tr,.remedies li,figure,.about section{break-inside:avoid}
        h2,h3{break-after:avoid}
        .hosts thead th{position:static}
        .command{white-space:pre-wrap}
        .unprinted{display:inline}
        .fold[open] .unprinted{display:none}
        a{text-decoration:none}
        }

        """
}
