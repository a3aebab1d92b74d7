import FoundationEssentials
import Shared

/// What a browser may do with the page: show it. The style and the script are allowed by the hash of what they are.
///
/// Source: Content Security Policy Level 3, "Does element match source list for type and source?": the hash is over the
/// text between the tags, byte for byte.
enum HTMLContentPolicy {
    /// The value of the policy's `content`.
    static let markup: Markup = """
        default-src 'none'; style-src 'sha256-\(hash(of: HTMLStyle.css))'; \
        script-src 'sha256-\(hash(of: HTMLScript.code))'; base-uri 'none'; form-action 'none'
        """

    private static func hash(of content: StaticString) -> String {
        Data(content.withUTF8Buffer { SHA256.hash($0) }).base64EncodedString()
    }
}
