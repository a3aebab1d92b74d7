import CollectorSupport
import Glibc
import Shared

/// The variables in the folders `group_vars` and `host_vars` beside an inventory.
struct AnsibleVariableFiles {
    var ofGroup: [String: AnsibleInventory.Variables] = [:]
    var ofHost: [String: AnsibleInventory.Variables] = [:]
    /// A warning for each file whose contents cannot be known.
    var warnings: [String] = []

    init() {}

    /// - Parameters:
    ///   - folder: the inventory's folder, with a slash at its end; empty for the working directory.
    ///   - names: the names of groups and hosts that can have a file.
    init(
        folder: String, names: (groups: [String], hosts: [String]), reader: InventoryReader
    ) throws(InventoryError) {
        ofGroup = try read("\(folder)group_vars", names.groups, reader)
        ofHost = try read("\(folder)host_vars", names.hosts, reader)
    }

    private mutating func read(
        _ folder: String, _ names: [String], _ reader: InventoryReader
    ) throws(InventoryError) -> [String: AnsibleInventory.Variables] {
        let present = Set(try Self.entries(folder))
        guard !present.isEmpty else { return [:] }
        var found: [String: AnsibleInventory.Variables] = [:]
        for name in names {
            // Ansible uses the first that exists.
            guard let entry = ["", ".yml", ".yaml", ".json"].map({ name + $0 }).first(where: present.contains) else {
                continue
            }
            for path in try Self.files("\(folder)/\(entry)") {
                let content = try reader.read(.file(path: path))
                let source = Sanitizer.singleLine(path, limit: 200)
                if content.text.hasPrefix("$ANSIBLE_VAULT;") {
                    warnings.append("\(source): encrypted variables are not read: keep ansible_host in a plain file")
                    continue
                }
                found[name, default: [:]].merge(try AnsibleYAML(source: source).readVariables(content.text)) { $1 }
            }
        }
        return found
    }

    /// A file itself, or the files below a folder: those with an extension for YAML or without one, in order of their names.
    private static func files(_ path: String) throws(InventoryError) -> [String] {
        guard isFolder(path) else { return [path] }
        var files: [String] = []
        for entry in try entries(path).sorted() where !entry.hasPrefix(".") && !entry.hasSuffix("~") {
            let file = "\(path)/\(entry)"
            let parts = entry.split(separator: ".")
            let hasExtension = parts.count > 1
            guard !hasExtension || ["yml", "yaml", "json"].contains(parts.last), !isFolder(file) || !hasExtension else {
                continue
            }
            files += try self.files(file)
        }
        return files
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The names in a folder; empty if the folder does not exist.
    private static func entries(_ folder: String) throws(InventoryError) -> [String] {
        guard let stream = opendir(folder) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw .unreadable(
                source: Sanitizer.singleLine(folder, limit: 200), reason: String(cString: strerror(errno)))
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
