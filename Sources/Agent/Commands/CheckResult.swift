import Shared

/// What `check` found: one value, from which text and exit code come.
struct CheckResult: Sendable {
    var configuration: AgentConfiguration
    var access: AccessChecks
    /// In the order of the services; empty where nobody looked.
    var contents: [DocumentContent] = []
    var greetings: [SourceGreeting] = []

    /// 64 where nobody could start an agent so, 69 where a source cannot be read.
    var exitCode: Int32 {
        if !access.problems.isEmpty { return 64 }
        return contents.allSatisfy { $0.state != .unknown } && greetings.allSatisfy(\.isReadable) ? 0 : 69
    }

    var text: String {
        var lines = Self.table(
            [["SERVICE", "SELECTOR", "STATE", "SHA", "DIGEST"]]
                + configuration.evidence.services.map { service in
                    let content = contents.first { $0.service == service.name }
                    return [
                        service.name, Hygiene.line(service.selector.description, limit: 80),
                        content?.state.rawValue ?? "-", content?.gitSHA?.short ?? "-", content?.digest?.short ?? "-",
                    ]
                })
        for content in contents {
            if let reason = content.reason { lines.append("\(content.service): \(reason)") }
        }
        lines.append("")
        for greeting in greetings { lines.append(Self.line(greeting.kind.rawValue, greeting.answer)) }
        for address in configuration.listen {
            lines.append(
                "listen      \(address)\(address.isLocal ? ", this machine only" : ", other machines reach it")")
        }
        lines.append(Self.line("protection", access.protection))
        lines += access.problems.map { Self.line("problem", $0) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func line(_ word: String, _ text: String) -> String {
        word + String(repeating: " ", count: max(0, 12 - word.count)) + Hygiene.line(text)
    }

    /// Columns as wide as what stands in them, two spaces apart.
    private static func table(_ rows: [[String]]) -> [String] {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }
    }
}
