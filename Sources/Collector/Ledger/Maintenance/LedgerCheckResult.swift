import CollectorSupport
import Shared

/// The result of `ledger check`: the condition of the file, and contradictions in its contents.
package struct LedgerCheckResult: Codable, Hashable, Sendable {
    struct Finding: Codable, Hashable, Sendable {
        enum Kind: String, Codable, Sendable {
            /// The file is not as SQLite wrote it.
            case damage
            /// The file is intact, but its contents cannot come from a collector.
            case contradiction
            /// For information only.
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
        /// Verifications whose collectors ended before they did.
        var interrupted = 0
        var hosts = 0
        var transitions = 0
        /// Changes of hosts that standing checks saw.
        var changes = 0
    }

    private var schema = 1
    let path: String
    /// The schema of the ledger itself; nil if it could not be read.
    @ExplicitNull var version: Int?
    /// The size of the file.
    let bytes: Int
    /// The size of the log beside it, which SQLite merges into the file later.
    let logBytes: Int
    /// The size of the unused part of the file; nil if it could not be read.
    @ExplicitNull var freeBytes: Int?
    /// nil if they could not be read.
    @ExplicitNull var counts: Counts?
    private(set) var findings: [Finding] = []

    init(path: String, bytes: Int, logBytes: Int) {
        self.path = path
        self.bytes = bytes
        self.logBytes = logBytes
        (version, freeBytes, counts) = (nil, nil, nil)
    }

    /// The first damage, in one line; nil if the file is intact.
    var damage: String? { findings.first { $0.kind == .damage }?.text }

    /// The contradictions, one line each.
    package var contradictions: [String] { findings.filter { $0.kind == .contradiction }.map(\.text) }

    package var isFine: Bool { findings.allSatisfy { $0.kind == .note } }
    package var exitCode: Int32 { (isFine ? ExitStatus.success : .unavailable).rawValue }

    mutating func add(_ kind: Finding.Kind, _ text: String) {
        let finding = Finding(kind: kind, text: Sanitizer.singleLine(text))
        // Several checks find the same damaged page.
        if !findings.contains(finding) { findings.append(finding) }
    }

    enum CodingKeys: String, CodingKey {
        case schema, path, version, bytes, counts, findings
        case logBytes = "log_bytes"
        case freeBytes = "free_bytes"
    }

    /// Only a damaged ledger has to be replaced. One that merely contradicts itself still holds history that exists nowhere
    /// else.
    private var advice: String {
        findings.contains { $0.kind == .damage }
            ? "restore a backup with ledger restore, or move it away and start a new ledger"
            : "keep it, because it can still be read and written, and report the contradictions as a bug of buildinfo-collector"
    }

    package func text() -> String {
        let free = freeBytes.map { $0 > 0 ? ", \(ByteCount($0)) of it free" : "" } ?? ""
        let log = logBytes > 0 ? ", \(ByteCount(logBytes)) in its log" : ""
        let version = version.map { "schema \($0)" } ?? "schema unknown"
        var lines = ["\(Sanitizer.singleLine(path, limit: 200)): \(version), \(ByteCount(bytes))\(free)\(log)"]
        if let counts {
            lines.append(
                "promotions \(counts.promotions) (services \(counts.services)), verifications \(counts.verifications) "
                    + "(running \(counts.running), interrupted \(counts.interrupted)), hosts \(counts.hosts), "
                    + "transitions \(counts.transitions)\(counts.changes > 0 ? ", changes of hosts \(counts.changes)" : "")"
            )
        }
        lines += findings.map { "\($0.kind.rawValue): \($0.text)" }
        lines.append(isFine ? "fine" : "not fine (exit \(exitCode)): \(advice)")
        return lines.joined(separator: "\n") + "\n"
    }
}
