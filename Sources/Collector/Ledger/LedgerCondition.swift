import Shared

/// What `ledger check` found: whether the file is whole, and whether what it says can be true.
struct LedgerCondition: Codable, Hashable, Sendable {
    struct Finding: Codable, Hashable, Sendable {
        enum Kind: String, Codable, Sendable {
            /// The file is not what SQLite wrote.
            case damage
            /// It is, and holds what no collector records.
            case contradiction
            /// Nothing is wrong, and somebody may want to know.
            case note
        }

        var kind: Kind
        /// One line.
        var text: String
    }

    struct Counts: Codable, Hashable, Sendable {
        var services = 0
        var promotions = 0
        var verifications = 0
        var running = 0
        /// Whose collector is gone.
        var interrupted = 0
        var hosts = 0
        var transitions = 0
    }

    var schema = 1
    var path: String
    /// The schema of the ledger itself; nil where that could not be read.
    @ExplicitNull var version: Int?
    /// Of the file.
    var bytes: Int
    /// Of the log beside it, which is joined to the file in time.
    var logBytes: Int
    /// Of the file, and in no use.
    @ExplicitNull var freeBytes: Int?
    /// nil where they could not be read.
    @ExplicitNull var counts: Counts?
    var findings: [Finding] = []

    var isFine: Bool { findings.allSatisfy { $0.kind == .note } }
    /// 0, or 69 for what is damaged or contradicts itself.
    var exitCode: Int32 { isFine ? 0 : 69 }

    mutating func add(_ kind: Finding.Kind, _ text: String) {
        let finding = Finding(kind: kind, text: Hygiene.line(text))
        // One damaged page is met again and again.
        if !findings.contains(finding) { findings.append(finding) }
    }

    enum CodingKeys: String, CodingKey {
        case schema, path, version, bytes, counts, findings
        case logBytes = "log_bytes"
        case freeBytes = "free_bytes"
    }

    /// Only what is damaged has to be replaced. What merely contradicts itself is history that nothing else has.
    private var advice: String {
        findings.contains { $0.kind == .damage }
            ? "restore a backup, or move it away and begin a new one"
            : "keep it; it can be read and recorded in as before. Report what is said above as a defect of buildinfo-collector"
    }

    func text() -> String {
        let free = freeBytes.map { $0 > 0 ? ", \(ByteCount($0)) of it free" : "" } ?? ""
        let log = logBytes > 0 ? ", \(ByteCount(logBytes)) in its log" : ""
        let version = version.map { "schema \($0)" } ?? "schema unknown"
        var lines = ["\(Hygiene.line(path, limit: 200)): \(version), \(ByteCount(bytes))\(free)\(log)"]
        if let counts {
            lines.append(
                "promotions \(counts.promotions) (services \(counts.services)), verifications \(counts.verifications) "
                    + "(running \(counts.running), interrupted \(counts.interrupted)), hosts \(counts.hosts), "
                    + "transitions \(counts.transitions)")
        }
        lines += findings.map { "\($0.kind.rawValue): \($0.text)" }
        lines.append(isFine ? "fine" : "not fine (exit \(exitCode)): \(advice)")
        return lines.joined(separator: "\n") + "\n"
    }
}
