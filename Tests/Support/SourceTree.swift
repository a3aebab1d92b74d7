internal import Glibc

/// The project's files, located by the path of this source file at compile time.
public enum SourceTree {
    /// - Parameter name: relative to the package's folder.
    public static func path(_ name: String) throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(root)/\(name)"
        guard access(path, R_OK) == 0 else {
            throw MissingPart(path, remedy: "run the tests in the folder where they were built")
        }
        return path
    }
}
