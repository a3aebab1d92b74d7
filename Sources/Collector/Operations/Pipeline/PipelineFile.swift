import CollectorSupport
import Glibc
import Shared

/// A file that a pipeline's runner gave a step to add lines to, and reads when the step is over.
package struct PipelineFile: Sendable {
    /// The variable that names it.
    let variable: String
    let path: String

    /// Why nothing was added, in a sentence.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// The file that a variable names; nil where it names none.
    init?(_ variable: String, environment: [String: String]) {
        guard let path = environment[variable], !path.isEmpty else { return nil }
        self.variable = variable
        self.path = path
    }

    /// Adds text at the end, on a line of its own.
    ///
    /// - Parameters:
    ///   - limit: how large the file may become, in bytes.
    ///   - text: what to add, made for the room that is left.
    func append(limit: Int = .max, _ text: (_ room: Int) -> String) throws(Failure) {
        // Not to wait for anybody, where somebody put something else there.
        let descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw failure(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(String(cString: strerror(errno))) }
        let isFile = status.st_mode & S_IFMT == S_IFREG
        // A pipe whose reader sleeps would hold the verdict up.
        guard isFile || status.st_mode & S_IFMT == S_IFCHR else { throw failure("is no file") }
        let size = isFile ? Int(status.st_size) : 0
        // What an earlier command of the step wrote may lack its newline.
        var last = UInt8(ascii: "\n")
        if size > 0 { pread(descriptor, &last, 1, off_t(size - 1)) }
        let separator = last == UInt8(ascii: "\n") ? "" : "\n"
        let addition = separator + text(limit - size - 1)
        guard addition.utf8.count <= limit - size else {
            throw failure("\(size) bytes are in it already, and \(limit) may be")
        }
        guard Terminal(descriptor: descriptor).write(addition) else { throw failure(String(cString: strerror(errno))) }
    }

    private func failure(_ reason: String) -> Failure {
        Failure(
            description: "nothing was added to $\(variable) '\(Sanitizer.singleLine(path, limit: 200))' (\(reason)): "
                + "the verdict and the other reports stand")
    }
}
