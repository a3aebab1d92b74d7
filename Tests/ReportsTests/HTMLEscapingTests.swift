import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

struct HTMLEscapingTests {
    static let attacks: [String] = [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><b x='", "</style><script>x()</script>",
        "--><!-- <!--[if IE]>", "]]><![CDATA[", "::error::file=x::y", "%0A::warning::", "javascript:alert(1)",
        "&lt;b&gt; &amp; &#60; &copy", "\u{202E}txt.exe\u{2066}", "\u{1B}[2J\u{9B}31m\u{07}",
        "a\0b\r\nc\u{2028}d\u{85}e",
        "\u{FEFF}\u{200B}\u{E0041}", "e" + String(repeating: "\u{301}", count: 2_000), "{{7*7}} ${7*7} `x`",
        String(repeating: "A", count: 65_536), String(repeating: "<", count: 65_536), "مرحبا שלום 你好 🙂",
    ]

    @Test("Hostile text in any field of the report does not change the structure of the page", arguments: attacks)
    func everyField(_ attack: String) throws {
        let clean = try HTMLSample.mixed.report()
        let (report, count) = try Self.poisoned(clean, with: attack)
        // Every free text of the model: names, reasons, labels, ids, times and so on.
        #expect(count > 60)
        let html = HTMLReport(report: report).render()
        try HTMLSample.write(html, "hostile-\(Self.attacks.firstIndex(of: attack) ?? 0).html")
        let page = try HTMLPage(parsing: html)
        let before = try HTMLPage(parsing: HTMLReport(report: clean).render())
        #expect(page.all("script").map(\.text) == before.all("script").map(\.text))
        #expect(Set(page.elements.map(\.name)).isSubset(of: Set(before.elements.map(\.name)).union(["time", "ol"])))
        #expect(Set(page.elements.flatMap(\.attributes.keys)).isSubset(of: Self.attributes))
        #expect(page.hostRows.count == report.hosts.count)
        #expect(html.utf8.count < 2_000_000)
    }

    @Test("Hostile text is shown as text", arguments: attacks)
    func isShown(_ attack: String) throws {
        let (report, _) = try Self.poisoned(HTMLSample.mixed.report(), with: attack)
        let page = try HTMLPage(parsing: HTMLReport(report: report).render())
        let shown = Sanitizer.singleLine("1 \(attack)", limit: 60).unicodeScalars.dropFirst(2).prefix(48)
        let body = try #require(page.all("body").first?.text)
        #expect(body.range(of: String(String.UnicodeScalarView(shown)), options: .literal) != nil)
    }

    @Test("The page shows every free text of the report")
    func everyFieldIsShown() throws {
        let (report, _) = try Self.poisoned(HTMLSample.mixed.report(), with: "marked")
        let page = try HTMLPage(parsing: HTMLReport(report: report).render())
        let everything =
            page.all("body").map(\.text).joined()
            + page.elements.flatMap { $0.attributes.values }.joined(separator: " ")
        var paths: [String: String] = [:]
        Self.walk(try Self.json(report), path: "") { paths[$0] = $1 }
        let hidden = paths.filter { $1.contains("marked") && !everything.contains($1) }.keys
        // A reason with parts is shown by its parts: the command by the remedy, the build that the host serves by the note, and
        // the summary by the actions of several hosts.
        let unexpected = hidden.filter { path in
            !["served", "command", "summary"].contains { path.hasSuffix("/reason_parts/\($0)") }
                && !(path.hasSuffix("/reason") && paths["\(path)_parts/cause"] != nil)
        }
        #expect(unexpected.sorted() == [])
    }

    @Test("A long name is truncated, and shown whole in a tooltip")
    func longNames() throws {
        var report = HTMLSample.fleet(3, unhappy: 0)
        report.hosts[0].name = String(repeating: "x", count: 200)
        report.hosts[1].name = String(repeating: "y", count: 2_000)
        let page = try HTMLPage(parsing: HTMLReport(report: report).render())
        let links = page.all("a")
        let long = try #require(links.first { $0.text.hasPrefix("xxx") && $0.text.count == 120 })
        #expect(long.text.hasSuffix("…"))
        #expect(long.attributes["title"] == report.hosts[0].name)
        let endless = try #require(links.first { $0.text.hasPrefix("yyy") && $0.text.count == 120 })
        #expect(endless.attributes["title"] == nil)
    }

    @Test("Rows have unique ids, whatever the names of the hosts")
    func anchors() throws {
        var report = HTMLSample.fleet(6, unhappy: 0)
        for (index, name) in ["a", "a", "row-2", "a b", "", "A"].enumerated() { report.hosts[index].name = name }
        let page = try HTMLPage(parsing: HTMLReport(report: report).render())
        #expect(Set(page.hostRows.map(\.id)) == ["host-a", "row-2", "host-row-2", "row-4", "row-5", "host-A"])
    }

    // MARK: - The policy of the page

    @Test(
        "The content policy allows the page's own style and script by hash, and nothing else",
        arguments: HTMLSample.allCases)
    func contentPolicy(_ sample: HTMLSample) throws {
        let html = try HTMLReport(report: sample.report()).render()
        let page = try HTMLPage(parsing: html)
        let (style, script) = (page.all("style"), page.all("script"))
        #expect(style.count == 1 && script.count == 1)
        func hash(_ text: String) -> String { Data(SHA256.hash(text.utf8)).base64EncodedString() }
        let policy = """
            default-src 'none'; style-src 'sha256-\(hash(style[0].text))'; script-src 'sha256-\(hash(script[0].text))'; \
            base-uri 'none'; form-action 'none'
            """
        let metas = page.all("meta")
        #expect(metas[1].attributes["http-equiv"] == "Content-Security-Policy")
        #expect(metas[1].attributes["content"] == policy)
        #expect(html.contains("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "))
        #expect(!html.contains("unsafe-inline"))
        // The style fetches nothing either.
        #expect(!style[0].text.contains("url(") && !style[0].text.contains("@import"))
        #expect(!script[0].text.contains("innerHTML") && !script[0].text.contains("eval"))
    }

    // MARK: - Poison

    /// All attributes that pages use.
    private static let attributes: Set<String> = [
        "aria-hidden", "aria-label", "aria-labelledby", "aria-live", "autocomplete", "charset", "class", "content",
        "cx", "cy", "d", "data-tone", "datetime", "disabled", "dy", "fill", "height", "hidden", "href", "http-equiv",
        "id", "lang",
        "name", "patternUnits", "placeholder", "preserveAspectRatio", "r", "role", "scope", "spellcheck", "title",
        "type",
        "value", "viewBox", "width", "x", "x1", "x2", "y", "y1", "y2",
    ]

    private static func json(_ report: Report) throws -> Any {
        try JSONSerialization.jsonObject(with: JSONEncoder().encode(report))
    }

    private static func walk(_ value: Any, path: String, _ visit: (String, String) -> Void) {
        switch value {
        case let text as String: visit(path, text)
        case let list as [Any]: for (index, item) in list.enumerated() { walk(item, path: "\(path)/\(index)", visit) }
        case let object as [String: Any]: for (key, item) in object { walk(item, path: "\(path)/\(key)", visit) }
        default: break
        }
    }

    /// The report with the attack in every free text, each with its own number.
    ///
    /// Free texts are found by trial, so that new fields of the model are attacked as well.
    private static func poisoned(_ report: Report, with attack: String) throws -> (Report, Int) {
        var report = report
        for index in report.hosts.indices {
            report.hosts[index].labels = ["group": "x"]
            report.hosts[index].waived = .init(until: "x", reason: "x", by: "x", expired: index % 2 == 0)
        }
        report.warnings = ["x"]
        report.target.image = "x"
        report.target.equivalentDigests = [.init(digest: .of("7"), kind: "x", platform: "x")]
        report.evidence = .init(hash: "x")
        var number = 0
        // The set of free fields does not depend on the host's index: the first host is tried for all.
        var isFree: [String: Bool] = [:]
        func replaced(_ value: Any, in root: Any, path: [String]) -> Any {
            switch value {
            case is String:
                let kind = path.map { Int($0) == nil ? $0 : "*" }.joined(separator: "/")
                let free = isFree[kind] ?? decodes(setting(root, path[...], to: "1 \(attack)"))
                isFree[kind] = free
                guard free else { return value }
                number += 1
                return "\(number) \(attack)"
            case let list as [Any]:
                return list.enumerated().map { replaced($0.element, in: root, path: path + ["\($0.offset)"]) }
            case let object as [String: Any]:
                var result: [String: Any] = [:]
                for (key, item) in object.sorted(by: { $0.key < $1.key }) {
                    let value = replaced(item, in: root, path: path + [key])
                    // Keys of labels are as free as their values.
                    result[path.last == "labels" && path.first == "hosts" ? "\(number) \(key) \(attack)" : key] = value
                }
                return result
            default: return value
            }
        }
        let root = try json(report)
        let data = try JSONSerialization.data(withJSONObject: replaced(root, in: root, path: []))
        return (try JSONDecoder().decode(Report.self, from: data), number)
    }

    private static func decodes(_ value: Any) -> Bool {
        do {
            let data = try JSONSerialization.data(withJSONObject: value)
            _ = try JSONDecoder().decode(Report.self, from: data)
            return true
        } catch {
            return false
        }
    }

    private static func setting(_ value: Any, _ path: ArraySlice<String>, to text: String) -> Any {
        guard let key = path.first else { return text }
        if var list = value as? [Any], let index = Int(key) {
            list[index] = setting(list[index], path.dropFirst(), to: text)
            return list
        }
        guard var object = value as? [String: Any], let item = object[key] else { return value }
        object[key] = setting(item, path.dropFirst(), to: text)
        return object
    }
}
