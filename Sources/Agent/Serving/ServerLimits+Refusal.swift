import NIOHTTP1

extension ServerLimits {
    /// The answer to a request that is larger than permitted, or has a body; nil for all others.
    func refusal(of head: HTTPRequestHead) -> Answer? {
        let line = head.method.rawValue.utf8.count + head.uri.utf8.count + " ".utf8.count * 2 + "HTTP/1.1".utf8.count
        if line > requestLine { return .uriTooLong }
        let size = head.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        if size > headers { return .headersTooLarge }
        let hasBody =
            head.headers.contains(name: "Transfer-Encoding")
            || head.headers["Content-Length"].contains { $0 != "0" }
        return hasBody ? .bodyRefused : nil
    }
}
