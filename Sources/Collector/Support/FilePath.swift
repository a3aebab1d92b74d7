/// Parts of paths.
package enum FilePath {
    /// The folder of a path: `.` for a bare name, `/` for what is in the root.
    package static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
