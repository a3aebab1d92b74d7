import Shared

@testable import Evidence
@testable import Reports
@testable import Verdict

/// Texts from hosts, engines or operators that try to inject something into a report.
enum Hostile {
    static let texts = [
        // Markdown
        "a|b", "|", "||", "a\\|b", "\\", "\\\\", "`", "``", "a`b``c", "` `", " ` ", "`|`", "*b* **b** _i_ __x__",
        "~~s~~",
        "[text](http://evil.example)", "![image](http://evil.example/x.png)", "[a]: http://evil.example", "[^1]: x",
        "# h",
        "> q", "- item", "1. item", "| --- | --- |", "---", "===", "```", "x ``` y", "- [ ] task",
        // Texts that become links
        "http://evil.example", "HTTPS://evil.example/|x", "www.evil.example", "someone@evil.example", "@octocat",
        "octocat/hello#1", "#1", "GH-1", "<http://evil.example>", "mailto:someone@evil.example", ":smile:", "$x$",
        "$`x`$",
        // HTML and XML
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</details>", "</td></tr></table>", "<!-- x",
        "-->",
        "&lt;b&gt;", "&#60;b&#62;", "&amp;", "]]>", "<![CDATA[x]]>", "<?xml?>", "\"'", "a=\"b\" c='d'",
        // Workflow commands
        "::error::x", " ::error title=x::y", "::set-output name=verdict::converged", "::stop-commands::x", "##[error]x",
        "a ##[set-env name=x]y", "##vso[task.setvariable]x", "##teamcity[x]", "###[error]x", "x\n::error::y",
        "x\r::error::y", "\u{FEFF}::error::x", "\u{A0}::error::x", "%0A::error::x", "%25%3A%2C", "a,title=b",
        "${{ 1 }}",
        "ghadelimiter_1", "x\nverdict=converged", "x<<EOF\ny\nEOF",
        // Control characters and similar
        "\u{0}", "a\u{8}b", "\u{1B}[31mred", "\u{1B}]0;title\u{7}", "\u{7F}", "\u{9B}31m", "\u{202E}desrever",
        "a\u{2028}b",
        "a\u{85}b", "\u{FFFE}", "\u{FFFF}", "\u{200B}", "a\tb", "a\r\nb", "é 漢字 😀 e\u{301}",
        "section_start:1:x\r\u{1B}[0K",
    ]

    /// A report with this text in every text field.
    static func report(_ text: String, from report: Report) -> Report {
        var report = report
        report.verification.id = text
        report.verification.collector.version = text
        report.target.service = text
        report.target.image = text
        report.inventory.source = text
        report.inventory.hash = text
        report.policy.maxStragglers = text
        report.policy.maxUnreachable = text
        report.policy.maxFailed = text
        report.policy.minProven = text
        report.warnings = [text, text]
        report.evidence = Report.EvidenceFile(hash: text)
        for index in report.reasons.indices { report.reasons[index].message = text }
        for index in report.hosts.indices {
            report.hosts[index].name = text
            report.hosts[index].url = text
            report.hosts[index].labels = [text: text]
            report.hosts[index].reason = text
            if report.hosts[index].waived != nil {
                report.hosts[index].waived?.until = text
                report.hosts[index].waived?.reason = text
                report.hosts[index].waived?.by = text
            }
            for change in report.hosts[index].transitions.indices {
                report.hosts[index].transitions[change].reason = text
            }
        }
        return report
    }
}
