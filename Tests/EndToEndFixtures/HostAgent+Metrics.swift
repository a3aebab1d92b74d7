import Support
import Testing

extension HostAgent {
    /// The value of the first sample whose line has the prefix.
    func metric(_ prefix: String) throws -> Double {
        let page = try #require(LoopbackRequest("GET", authority, "/metrics").answer()).text
        let line = try #require(page.split(separator: "\n").first { $0.hasPrefix(prefix) }, "\(page)")
        return try #require(line.split(separator: " ").last.flatMap { Double($0) })
    }
}
