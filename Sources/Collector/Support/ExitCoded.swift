/// An error that carries the exit code of the program and describes itself in one sentence.
package protocol ExitCoded: Error, CustomStringConvertible {
    var exitCode: Int32 { get }
}

/// A mistake in the command line or in a file that it names: exit code 64.
package struct UsageError: ExitCoded {
    package let description: String
    package let exitCode: Int32 = 64

    package init(_ description: String) {
        self.description = description
    }
}
