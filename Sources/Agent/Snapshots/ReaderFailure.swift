import Shared

/// Why the reader's evidence cannot be had: it ends up in a document, not in a crash.
enum ReaderFailure: Error, Hashable, CustomStringConvertible {
    case missing(path: String)
    case refused(path: String)
    case noSocket(path: String)
    case denied(path: String)
    case other(path: String, why: String)
    case late(path: String)
    case closed(path: String)
    case otherVersion
    case garbage

    /// One sentence with the remedy.
    var description: String {
        let remedy = "see the log of buildinfo-reader.service"
        return switch self {
        case .missing(let path): "the reader's socket \(path) does not exist: start buildinfo-reader.service"
        case .refused(let path): "no reader listens on \(path): \(remedy)"
        case .noSocket(let path): "\(path) is no socket: name the one that buildinfo-reader.service listens on"
        case .denied(let path): "opening the reader's socket \(path) is denied: let the agent's group access it"
        case .other(let path, let why): "connecting to the reader at \(path) failed (\(why)): \(remedy)"
        case .late(let path): "the reader at \(path) does not answer: \(remedy)"
        case .closed(let path): "the reader at \(path) went away: \(remedy)"
        case .otherVersion: "the reader is of another version than the front: restart buildinfo-reader.service"
        case .garbage: "what the reader sends cannot be read: restart buildinfo-reader.service"
        }
    }
}
