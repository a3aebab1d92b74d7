import FoundationEssentials
import Glibc

/// A temporary folder for the inventories, reports and ledgers of made-up fleets: nothing of the user's is touched.
package struct DrillFolder: Sendable {
    package let path: String

    /// - Parameter parent: where it is made, for its owner alone.
    init(in parent: String) throws(DrillError) {
        var template = Array("\(parent)/buildinfo-drill-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .noFolder(path: parent, reason: String(cString: strerror(errno)))
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Where the system has temporary files.
    package static func standardParent(environment: [String: String]) -> String {
        environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
    }

    /// Makes a folder for one case.
    func subfolder(_ name: String) throws(DrillError) -> String {
        let subfolder = "\(path)/\(name)"
        guard mkdir(subfolder, 0o700) == 0 else {
            throw .noFolder(path: subfolder, reason: String(cString: strerror(errno)))
        }
        return subfolder
    }

    /// Takes it away with all that is in it.
    func remove() {
        // What cannot be removed is left to the system's own clearing of temporary files; the drill's result stands.
        try? FileManager.default.removeItem(atPath: path)
    }
}
