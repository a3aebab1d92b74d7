import FoundationEssentials
import Verdict

/// The credentials for hosts that an inventory names: the paths of files with a token, certificates and a key.
package struct InventoryCredentials: Hashable, Sendable {
    /// The keys in an inventory.
    package enum Key: String, CaseIterable, Sendable {
        case tokenFile = "token_file"
        case ca, cert, key
    }

    /// A file, and the place where the inventory names it.
    package struct File: Hashable, Sendable {
        package fileprivate(set) var path: String
        package let place: SourceLocation

        init(path: String, place: SourceLocation) {
            self.path = path
            self.place = place
        }
    }

    /// The hosts that use these credentials. A host's own credentials select everything, since they apply to that host only.
    var selector = HostSelector.everything
    private var files: [Key: File] = [:]

    package internal(set) subscript(key: Key) -> File? {
        get { files[key] }
        set { files[key] = newValue }
    }

    var isEmpty: Bool { files.isEmpty }

    /// True if other credentials name the same files, wherever they are listed.
    func namesSameFiles(as other: InventoryCredentials?) -> Bool {
        files.mapValues(\.path) == other?.files.mapValues(\.path)
    }

    /// These credentials, completed by others. A certificate and its key stay together.
    func completed(by other: InventoryCredentials?) -> InventoryCredentials {
        guard let other else { return self }
        var merged = self
        for key in [Key.tokenFile, .ca] { merged[key] = self[key] ?? other[key] }
        if self[.cert] == nil { (merged[.cert], merged[.key]) = (other[.cert], other[.key]) }
        return merged
    }

    /// These credentials with relative paths resolved in the working directory.
    package func absolute() -> InventoryCredentials { resolved(in: FileManager.default.currentDirectoryPath + "/") }

    /// These credentials with relative paths resolved in a folder.
    func resolved(in folder: String) -> InventoryCredentials {
        var resolved = self
        for (key, file) in files where !file.path.hasPrefix("/") { resolved[key]?.path = folder + file.path }
        return resolved
    }
}
