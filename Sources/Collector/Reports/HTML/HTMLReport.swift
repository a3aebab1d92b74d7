import FoundationEssentials
import Shared

/// The report as one self-contained page that fetches nothing and works without its script, which filters the hosts.
///
/// Its order follows the reader's questions: the verdict and the remedies, the convergence curve, the hosts that are not
/// converged, the other hosts, and the settings of the run. A page of a large fleet has a search for the other hosts instead of
/// their rows; see ``HTMLHostPlan``. The same report always renders to the same bytes.
///
/// Foreign text stays text: see ``Markup`` for how, and ``HTMLContentPolicy`` for the second line of defence.
struct HTMLReport {
    let report: Report

    func render() -> String { String(decoding: page.bytes, as: UTF8.self) }

    private var page: Markup {
        let plan = HTMLHostPlan(report)
        let anchors = HTMLAnchors(report.hosts, plan)
        var page = Markup()
        page += head
        page += "<body>\n<main>\n"
        page += HTMLVerdict(report: report, anchors: anchors, plan: plan).section
        // A status proves nothing, so it has no curve of proven hosts.
        if report.sweep == nil { page += HTMLCurve(report).section }
        page += HTMLHosts(report: report, anchors: anchors, plan: plan).section
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
        let text = VerdictText(report)
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
            <title>\(text.tone.symbol) \(text.word) (exit \(Int(report.exitCode))): \
            \(target.service, limit: 128) \(build)</title>
            <style>\(HTMLStyle.css)</style>
            </head>

            """
    }
}

/// The content security policy of the page. It allows the style and the script by their hashes, and nothing else.
///
/// Source: Content Security Policy Level 3, "Does element match source list for type and source?": the hash covers the
/// text between the tags, byte for byte.
enum HTMLContentPolicy {
    /// The value of the policy's `content`.
    static let markup: Markup = """
        default-src 'none'; style-src 'sha256-\(hash(of: HTMLStyle.css.bytes))'; \
        script-src 'sha256-\(hash(of: HTMLScript.code.withUTF8Buffer { Array($0) }))'; base-uri 'none'; form-action 'none'
        """

    private static func hash(of content: [UInt8]) -> String {
        Data(SHA256.hash(content)).base64EncodedString()
    }
}

/// Unique ids of the hosts' rows: `host-NAME` for short and harmless names, so that links outlive one report, else `row-N`.
struct HTMLAnchors {
    /// By the index of the host; those of a large fleet have no row, and no id.
    private var ids: [Int: String] = [:]

    init(_ hosts: [Report.Host], _ plan: HTMLHostPlan) {
        var used: Set<String> = []
        for index in hosts.indices where plan.hasRow(index) {
            let host = hosts[index].name
            let isUsed = !Self.isHarmless(host) || !used.insert(host).inserted
            ids[index] = isUsed ? Self.row(index) : "host-\(host)"
        }
    }

    subscript(index: Int) -> String { ids[index] ?? Self.row(index) }

    private static func row(_ index: Int) -> String { "row-\(index + 1)" }

    private static func isHarmless(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
