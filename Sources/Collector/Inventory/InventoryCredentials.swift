package import Verdict

/// How hosts are asked, as an inventory says it: which files hold token, certificates and key, never what is in them.
package struct InventoryCredentials: Hashable, Sendable {
    /// The keys, as inventories write them.
    package enum Key: String, CaseIterable, Sendable {
        case tokenFile = "token_file"
        case ca, cert, key
    }

    /// A file that an inventory names, and where it does.
    package struct File: Hashable, Sendable {
        package var path: String
        package var place: SourceLocation

        package init(path: String, place: SourceLocation) {
            self.path = path
            self.place = place
        }
    }

    /// Which hosts of the inventory it is for; all of them below a host, which has it for itself.
    package var selector = HostSelector.everything
    package private(set) var files: [Key: File] = [:]

    package init(selector: HostSelector = HostSelector.everything, files: [Key: File] = [:]) {
        self.selector = selector
        self.files = files
    }

    package subscript(key: Key) -> File? {
        get { files[key] }
        set { files[key] = newValue }
    }

    package var isEmpty: Bool { files.isEmpty }

    /// Whether another one names the same files, wherever it stands.
    package func says(theSameAs other: InventoryCredentials?) -> Bool {
        files.mapValues(\.path) == other?.files.mapValues(\.path)
    }

    /// With what is not said here taken from what comes after it. A certificate and its key stay together.
    package func or(_ other: InventoryCredentials?) -> InventoryCredentials {
        guard let other else { return self }
        var merged = self
        for key in [Key.tokenFile, .ca] { merged[key] = self[key] ?? other[key] }
        if self[.cert] == nil { (merged[.cert], merged[.key]) = (other[.cert], other[.key]) }
        return merged
    }

    /// With relative paths begun at a folder.
    package func resolved(in folder: String) -> InventoryCredentials {
        var resolved = self
        for (key, file) in files where !file.path.hasPrefix("/") { resolved[key]?.path = folder + file.path }
        return resolved
    }
}
