import CCurl

/// The system's certificate authorities, as this libcurl was built to find them.
package struct DefaultTrust {
    /// One PEM bundle, or nil where libcurl has only a directory, or the TLS library's own default.
    var bundle: String?

    package init() {
        guard let easy = curl_easy_init() else { return }
        defer { curl_easy_cleanup(easy) }
        var path: UnsafePointer<CChar>?
        guard buildinfo_curl_easy_get_certificates(easy, &path) == CURLE_OK, let path else { return }
        bundle = String(cString: path)
    }
}
