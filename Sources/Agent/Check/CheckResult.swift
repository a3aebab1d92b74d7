import AgentCore
import Shared

/// The result of `check`: its text and exit status.
struct CheckResult: Sendable {
    var configuration: AgentConfiguration
    var access: AccessChecks
    /// The observed services in their order (the reader's with `--from`); empty if no source was asked.
    var contents: [DocumentContent] = []
    var sources: [EngineInfo] = []

    /// ``ExitStatus/usage`` if `serve` would not start, ``ExitStatus/unavailable`` if a source cannot be read.
    var status: ExitStatus {
        if !access.problems.isEmpty { return .usage }
        return contents.allSatisfy { $0.state != .unknown } && sources.allSatisfy(\.isReadable)
            ? .success : .unavailable
    }

    var text: String {
        var lines = Self.table(
            [["SERVICE", "SELECTOR", "STATE", "SHA", "DIGEST"]] + (contents.map(\.service) + unseen).map(row))
        for content in contents {
            if let reason = content.reason { lines.append("\(content.service): \(reason)") }
            lines += Self.details(content)
        }
        if sources.contains(where: { $0.kind == .reader && $0.isReadable }) {
            lines += unseen.map { "\($0): unknown to the reader: systemctl reload buildinfo-reader" }
        }
        lines.append("")
        for source in sources {
            lines.append(Self.line(source.kind.rawValue, source.answer))
            lines += (source.listing?.lines ?? []).map { Self.line("has", $0, limit: 2_000) }
        }
        for address in configuration.listen {
            lines.append(
                "listen      \(address)\(address.isLocal ? ", this machine only" : ", reachable from the network")")
        }
        lines.append(Self.line("protection", access.protection))
        lines += access.warnings.map { Self.line("warning", $0) }
        lines += access.problems.map { Self.line("problem", $0) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The project of the instances, and the containers that match the selector but do not count as instances.
    private static func details(_ content: DocumentContent) -> [String] {
        let projects = Set(content.instances.compactMap(\.project)).sorted().joined(separator: ", ")
        let count = "\(content.instances.count) \(content.instances.count == 1 ? "instance" : "instances")"
        let matched = projects.isEmpty ? [] : ["\(content.service): \(count) of project \(projects)"]
        let leftOut = content.leftOut.map { container in
            "\(content.service): not counted: \(container.name) (\(container.reason.phrase), \(container.state.rawValue))"
        }
        return (matched + leftOut).map { Sanitizer.singleLine($0) }
    }

    /// The declared services without an observation.
    private var unseen: [String] {
        configuration.evidence.services.map(\.name).filter { name in !contents.contains { $0.service == name } }
    }

    private func row(_ service: String) -> [String] {
        // With `--from`, only the reader needs the selectors.
        let selector = configuration.evidence.services.first { $0.name == service }?.selection
        let content = contents.first { $0.service == service }
        return [
            service, selector.map { Sanitizer.singleLine($0, limit: 80) } ?? "-", content?.state.rawValue ?? "-",
            content?.gitSHA?.short ?? "-", content?.digest?.short ?? "-",
        ]
    }

    private static func line(_ word: String, _ text: String, limit: Int = 512) -> String {
        word + String(repeating: " ", count: max(0, 12 - word.count)) + Sanitizer.singleLine(text, limit: limit)
    }

    /// Columns as wide as their cells, two spaces apart.
    private static func table(_ rows: [[String]]) -> [String] {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }
    }
}
