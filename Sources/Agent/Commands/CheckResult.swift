import Shared

/// What `check` found: one value, from which text and exit code come.
struct CheckResult: Sendable {
    var configuration: AgentConfiguration
    /// In the order of the services.
    var contents: [DocumentContent]
    var engines: [EngineGreeting]
    var access: AccessChecks

    /// One engine's answer to being asked who it is.
    struct EngineGreeting: Sendable {
        var socket: String
        /// For example `docker, API 1.41`, or why there is none.
        var answer: Result<String, EngineFailure>
    }

    /// 64 where nobody could start an agent so, 69 where a source cannot be read.
    var exitCode: Int32 {
        if !access.problems.isEmpty { return 64 }
        let isReadable =
            contents.allSatisfy { $0.state != .unknown }
            && engines.allSatisfy { if case .success = $0.answer { true } else { false } }
        return isReadable ? 0 : 69
    }

    var text: String {
        var lines = Self.table(
            [["SERVICE", "SELECTOR", "STATE", "SHA", "DIGEST"]]
                + zip(configuration.evidence.services, contents).map { service, content in
                    [
                        service.name, Hygiene.line(service.selector.description, limit: 80), content.state.rawValue,
                        content.gitSHA?.short ?? "-", content.digest?.short ?? "-",
                    ]
                })
        for content in contents {
            if let reason = content.reason { lines.append("\(content.service): \(reason)") }
        }
        lines.append("")
        for engine in engines {
            switch engine.answer {
            case .success(let name): lines.append("engine      \(Hygiene.line(engine.socket, limit: 200)): \(name)")
            case .failure(let failure): lines.append("engine      \(failure)")
            }
        }
        for address in configuration.listen {
            lines.append(
                "listen      \(address)\(address.isLocal ? ", this machine only" : ", other machines reach it")")
        }
        lines.append("protection  \(access.protection)")
        lines += access.problems.map { "problem     \($0)" }
        return lines.joined(separator: "\n") + "\n"
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
