package import CollectorSupport
import Shared

/// What `ledger check` found: whether the file is whole, and whether what it says can be true.
package struct LedgerCheckResult: Codable, Hashable, Sendable {
    package struct Finding: Codable, Hashable, Sendable {
        package enum Kind: String, Codable, Sendable {
            /// The file is not what SQLite wrote.
            case damage
            /// It is, and holds what no collector records.
            case contradiction
            /// Nothing is wrong, and somebody may want to know.
            case note
        }

        package var kind: Kind
        /// One line.
        package var text: String

        package init(kind: Kind, text: String) {
            self.kind = kind
            self.text = text
        }
    }

    package struct Counts: Codable, Hashable, Sendable {
        package var services = 0
        package var promotions = 0
        package var verifications = 0
        package var running = 0
        /// Whose collector is gone.
        package var interrupted = 0
        package var hosts = 0
        var transitions = 0

        package init(
            services: Int = 0, promotions: Int = 0, verifications: Int = 0, running: Int = 0, interrupted: Int = 0,
            hosts: Int = 0, transitions: Int = 0
        ) {
            self.services = services
            self.promotions = promotions
            self.verifications = verifications
            self.running = running
            self.interrupted = interrupted
            self.hosts = hosts
            self.transitions = transitions
        }
    }

    package var schema = 1
    package var path: String
    /// The schema of the ledger itself; nil where that could not be read.
    @ExplicitNull package var version: Int?
    /// Of the file.
    package var bytes: Int
    /// Of the log beside it, which is joined to the file in time.
    var logBytes: Int
    /// Of the file, and in no use.
    @ExplicitNull var freeBytes: Int?
    /// nil where they could not be read.
    @ExplicitNull package var counts: Counts?
    package var findings: [Finding] = []

    package init(
        schema: Int = 1, path: String, version: Int? = nil, bytes: Int, logBytes: Int, freeBytes: Int? = nil,
        counts: Counts? = nil, findings: [Finding] = []
    ) {
        self.schema = schema
        self.path = path
        self.version = version
        self.bytes = bytes
        self.logBytes = logBytes
        self.freeBytes = freeBytes
        self.counts = counts
        self.findings = findings
    }

    package var isFine: Bool { findings.allSatisfy { $0.kind == .note } }
    package var exitCode: Int32 { (isFine ? ExitStatus.success : .unavailable).rawValue }

    mutating func add(_ kind: Finding.Kind, _ text: String) {
        let finding = Finding(kind: kind, text: Sanitizer.singleLine(text))
        // One damaged page is met again and again.
        if !findings.contains(finding) { findings.append(finding) }
    }

    package enum CodingKeys: String, CodingKey {
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

    package func text() -> String {
        let free = freeBytes.map { $0 > 0 ? ", \(ByteCount($0)) of it free" : "" } ?? ""
        let log = logBytes > 0 ? ", \(ByteCount(logBytes)) in its log" : ""
        let version = version.map { "schema \($0)" } ?? "schema unknown"
        var lines = ["\(Sanitizer.singleLine(path, limit: 200)): \(version), \(ByteCount(bytes))\(free)\(log)"]
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
