/// What a service may be called: it becomes a part of URLs.
package enum ServiceName {
    package static let rule = "is no service's name: use letters, digits, '.', '_' and '-', at most 128"

    package static func isUsable(_ name: String) -> Bool {
        (1...128).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { HostAddress.isNameByte($0) }
    }
}
