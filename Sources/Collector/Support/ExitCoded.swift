/// An error that knows the exit code it ends the program with, and describes itself in one sentence.
package protocol ExitCoded: Error, CustomStringConvertible {
    var exitCode: Int32 { get }
}

/// A mistake in what was asked for: exit code 64.
package struct UsageError: ExitCoded {
    package let description: String
    package let exitCode: Int32 = 64

    package init(_ description: String) {
        self.description = description
    }
}
