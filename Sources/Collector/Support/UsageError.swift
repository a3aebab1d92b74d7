package import Shared

/// Invalid usage or configuration.
package struct UsageError: ExitCoded {
    package let description: String
    package let exitStatus = ExitStatus.usage

    package init(_ description: String) {
        self.description = description
    }
}
