import CollectorSupport
import Shared

/// The file of `--save`: a manifest's raw bytes, written whole or not at all.
struct ManifestFile: Sendable {
    private let file: AtomicFile

    init(opening path: String) throws(UsageError) {
        guard path != "-", !path.isEmpty else {
            throw UsageError("invalid --save '\(path)': expected a file, because only the manifest may go there")
        }
        do {
            file = try AtomicFile(path: path)
        } catch {
            throw Self.failure(path, error)
        }
    }

    func write(_ bytes: [UInt8]) throws(UsageError) {
        do {
            try file.write(bytes)
        } catch {
            throw Self.failure(file.path, error)
        }
    }

    private static func failure(_ path: String, _ error: AtomicFile.WriteError) -> UsageError {
        UsageError(
            "cannot write --save '\(Sanitizer.singleLine(path, limit: 200))' (\(error.reason)): choose another path")
    }
}
