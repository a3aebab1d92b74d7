import Testing

@testable import CollectorFixtures
@testable import Transfer

@Suite struct TransferTLSTests {
    @Test("A host is trusted only with its authority and its name")
    func authority() async throws {
        let host = try await TLSHost()
        defer { host.stop() }
        try await host.serve()
        try await TransferFixture.run { bench in
            let trusted = RequestCredentials(certificateAuthorities: host.path("ca.pem"))
            let cases: [(address: String, access: RequestCredentials, expected: String)] = [
                ("127.0.0.1", trusted, "200"),
                // A trusted connection must not be reused for a request without that trust.
                ("127.0.0.1", RequestCredentials(), "tls"),
                ("127.0.0.1", RequestCredentials(certificateAuthorities: host.path("other.pem")), "tls"),
                ("127.0.0.1", RequestCredentials(certificateAuthorities: host.path("absent.pem")), "tls"),
                ("localhost", trusted, "tls"),
                ("127.0.0.1", trusted, "200"),
            ]
            for (address, access, expected) in cases {
                let outcome = await bench.ask("https://\(address):\(host.port)/", access: access)
                #expect(outcome.kind == expected, "\(address) \(access): \(outcome)")
            }
            let plain = await bench.ask("http://127.0.0.1:\(host.port)/")
            #expect(plain.kind != "200")
        }
    }

    @Test("A client certificate is sent on request; without one the failure is about TLS")
    func clientCertificate() async throws {
        let host = try await TLSHost()
        defer { host.stop() }
        try await host.serve("-Verify 1 -verify_return_error -CAfile ca.pem")
        try await TransferFixture.run { bench in
            var access = RequestCredentials(certificateAuthorities: host.path("ca.pem"))
            let without = await bench.ask("https://127.0.0.1:\(host.port)/", access: access)
            #expect(without.kind == "tls", "\(without)")
            access.clientCertificate = host.path("client.pem")
            access.clientKey = host.path("client.key")
            let with = await bench.ask("https://127.0.0.1:\(host.port)/", access: access)
            #expect(with.kind == "200", "\(with)")
        }
    }

    @Test("TLS versions below 1.2 are rejected")
    func oldVersion() async throws {
        let host = try await TLSHost()
        defer { host.stop() }
        try await host.serve("-tls1_1 -cipher DEFAULT@SECLEVEL=0")
        let access = RequestCredentials(certificateAuthorities: host.path("ca.pem"))
        let outcome = try await TransferFixture.run { await $0.ask("https://127.0.0.1:\(host.port)/", access: access) }
        #expect(outcome.kind == "tls", "\(outcome)")
    }

    @Test("Printing credentials does not show the token")
    func secrecy() {
        let access = RequestCredentials(bearerToken: "s3cret", certificateAuthorities: "/ca.pem")
        var dumped = ""
        dump(access, to: &dumped)
        for text in ["\(access)", String(reflecting: access), "\([access])", dumped] {
            #expect(!text.contains("s3cret"))
        }
    }
}
