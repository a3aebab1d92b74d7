import Foundation
import Glibc

/// Reads a file that a flag names, whole and bounded.
package enum LocalFile {
    /// The most that registries accept for a manifest, with room: 5 MiB.
    package static let manifestLimit = 5 << 20

    /// - Throws: ``UsageError`` that names the flag, the file and the system's reason.
    package static func read(_ path: String, limit: Int, flag: String) throws -> [UInt8] {
        let handle: FileHandle
        let data: Data
        do {
            handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            data = try handle.read(upToCount: limit + 1) ?? Data()
        } catch {
            throw UsageError("\(flag) '\(path)' cannot be read (\(reason(error))): check the path and its permissions")
        }
        guard data.count <= limit else { throw UsageError("\(flag) '\(path)' is larger than \(limit) bytes") }
        return Array(data)
    }

    /// - Throws: ``UsageError`` where the file cannot be opened for reading.
    package static func check(_ path: String, flag: String) throws {
        guard access(path, R_OK) == 0 else {
            let reason = String(cString: strerror(errno))
            throw UsageError("\(flag) '\(path)' cannot be read (\(reason)): check the path and its permissions")
        }
    }

    private static func reason(_ error: any Error) -> String {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        guard let underlying, underlying.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
        return String(cString: strerror(Int32(underlying.code)))
    }
}
