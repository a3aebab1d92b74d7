import CollectorSupport
package import Shared

/// Why an evidence file cannot be written or replayed. One sentence each.
package enum EvidenceError: ExitCoded, Hashable {
    case unwritable(String, reason: String)
    /// Some of it is missing at the end; the report says why.
    case incomplete(String)
    case unreadable(String, reason: String)
    case empty(String)
    case notEvidence(String)
    case otherSchema(String, schema: Int)
    /// Lines count from 1.
    case changed(String, line: Int)
    case misplaced(String, line: Int)
    case misread(String, line: Int, reason: String)
    case differs(String, line: Int, recorded: String, derived: String, writer: String)

    package var exitStatus: ExitStatus {
        switch self {
        // The same evidence must give the same verdict: where it does not, it is the program's mistake, not the caller's.
        case .differs: .failure
        default: .usage
        }
    }

    package var description: String {
        switch self {
        case .unwritable(let path, let reason):
            "the evidence cannot be written to '\(Self.shown(path))' (\(reason)): choose another path"
        case .incomplete(let path):
            "the evidence in '\(Self.shown(path))' is not whole (the report's warnings say why): give it another path"
        case .unreadable(let path, let reason):
            "the evidence '\(Self.shown(path))' cannot be read (\(reason)): check the path and its permissions"
        case .empty(let path): "the evidence '\(Self.shown(path))' is empty: nothing was verified"
        case .notEvidence(let path):
            "'\(Self.shown(path))' is no evidence file: give one that verify wrote with --report evidence=FILE"
        case .otherSchema(let path, let schema):
            "the evidence '\(Self.shown(path))' has schema \(schema), this collector knows \(EvidenceStart.schema): "
                + "replay it with the collector that wrote it"
        case .changed(let path, let line):
            "the evidence '\(Self.shown(path))' was changed: line \(line) does not fit its hash; do not trust it"
        case .misplaced(let path, let line):
            "the evidence '\(Self.shown(path))' was changed: line \(line) does not follow the line before it; "
                + "do not trust it"
        case .misread(let path, let line, let reason):
            "the evidence '\(Self.shown(path))' cannot be replayed: line \(line) \(reason)"
        case .differs(let path, let line, let recorded, let derived, let writer):
            "the evidence '\(Self.shown(path))' replays to something else: line \(line) says \(recorded), and collector "
                + "\(BuildinfoVersion.current) says \(derived); replay it with collector \(writer), which wrote it"
        }
    }

    private static func shown(_ path: String) -> String { Sanitizer.singleLine(path, limit: 200) }
}
