import CollectorSupport
import FoundationEssentials
import Inventory
import Shared

extension ServiceConfiguration {
    /// The most bytes of one file.
    private static let sizeLimit = 1 << 20

    /// Reads a file, or every `*.yaml` of a folder in the order of their names.
    ///
    /// - Throws: ``ConfigurationError`` with all mistakes, not only the first one.
    package static func read(_ path: String) throws(ConfigurationError) -> ServiceConfiguration {
        var reader = ConfigurationReader()
        for file in try files(path) {
            let name = Sanitizer.singleLine(file, limit: 300)
            do throws(BoundedFile.ReadError) {
                let bytes = try BoundedFile.read(file, limit: sizeLimit, requiresRegular: true)
                reader.read(bytes, named: name)
            } catch {
                reader.report("\(name): cannot be read (\(error.reason)): check the path and its permissions")
            }
        }
        return try reader.configuration(named: Sanitizer.singleLine(path, limit: 300))
    }

    private static func files(_ path: String) throws(ConfigurationError) -> [String] {
        var isFolder: Bool = false
        let manager = FileManager.default
        guard manager.fileExists(atPath: path, isDirectory: &isFolder), isFolder else { return [path] }
        let name = Sanitizer.singleLine(path, limit: 300)
        do {
            let names = try manager.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".yaml") }.sorted()
            guard !names.isEmpty else {
                throw ConfigurationError(["\(name): the folder has no *.yaml file: add one, or name a file"])
            }
            return names.map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError(["\(name): cannot be read: check the path and its permissions"])
        }
    }
}
