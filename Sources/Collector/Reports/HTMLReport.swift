import Shared

/// The report as one page: for people, at 3 a.m. and in an audit a year later.
///
/// One file that fetches nothing and needs no script (the script, where it runs, filters the hosts). It shows in a
/// browser what ``Report`` says, in the order in which a reader needs it: the verdict and what to do, the curve, the hosts
/// that are not converged, the others, and what it all was measured by. The same report makes the same bytes.
///
/// Whatever the report holds stays text: see ``Markup`` for how, and ``HTMLContentPolicy`` for the second line.
struct HTMLReport {
    let report: Report

    func render() -> String { String(decoding: page.bytes, as: UTF8.self) }

    private var page: Markup {
        let anchors = HTMLAnchors(report.hosts)
        var page = Markup()
        page += head
        page += "<body>\n<main>\n"
        page += HTMLVerdict(report: report, anchors: anchors).section
        page += HTMLCurve(curve: ConvergenceCurve(report)).section
        page += HTMLHosts(report: report, anchors: anchors).section
        page += HTMLRunDetails(report: report).section
        page += """
            </main>
            <script>\(HTMLScript.code)</script>
            </body>
            </html>

            """
        return page
    }

    private var head: Markup {
        let words = VerdictText(report)
        let target = report.target
        let build = target.gitSHA?.short ?? target.digest?.short ?? ""
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(HTMLContentPolicy.markup)">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            <meta name="robots" content="noindex">
            <meta name="generator" content="buildinfo-collector \(report.verification.collector.version, limit: 64)">
            <title>\(words.tone.symbol) \(words.word) (exit \(Int(report.exitCode))): \
            \(target.service, limit: 128) \(build)</title>
            <style>\(HTMLStyle.css)</style>
            </head>

            """
    }
}
