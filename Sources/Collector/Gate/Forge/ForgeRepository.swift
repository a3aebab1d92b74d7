import CollectorSupport
import Shared

/// A repository on a forge: `owner/name`, held to what forges allow, so that nothing in it becomes another part of a URL.
package struct ForgeRepository: Hashable, Sendable, CustomStringConvertible {
    let owner: String
    package let name: String

    /// nil for what is no `owner/name`.
    package init?(parsing text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy(Self.isName) else { return nil }
        (owner, name) = (parts[0], parts[1])
    }

    package var description: String { "\(owner)/\(name)" }

    private static func isName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy(HostAddress.isNameByte)
    }
}
