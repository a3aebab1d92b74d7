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

    /// One handle, which has just had a verified connection each time.
    @Test("No certificate gains trust from an earlier connection of the same handle")
    func trustIsNotKept() async throws {
        let host = try await TLSHost()
        let others = ["expired", "alone", "stranger"].map { ($0, TLSHost(sharing: host)) }
        defer { for server in [host] + others.map(\.1) { server.stop() } }
        try await host.serve()
        for (certificate, server) in others { try await server.serve(certificate: certificate) }
        let trusted = RequestCredentials(certificateAuthorities: host.path("ca.pem"))
        let good = "https://127.0.0.1:\(host.port)/"
        var cases: [(url: String, access: RequestCredentials)] = others.map { _, server in
            ("https://127.0.0.1:\(server.port)/", trusted)
        }
        cases += [
            (good, RequestCredentials()),
            (good, RequestCredentials(certificateAuthorities: host.path("other.pem"))),
            (good, RequestCredentials(certificateAuthorities: host.path("absent.pem"))),
            ("https://localhost:\(host.port)/", trusted),
        ]
        for keepsConnection in [true, false] {
            try await TransferFixture.run(concurrency: 1) { bench in
                for (url, access) in cases {
                    for (url, access, expected) in [(good, trusted, "200"), (url, access, "tls"), (url, access, "tls")]
                    {
                        var request = TransferRequest(id: 1, lane: 0, url: url, timeout: .seconds(20), access: access)
                        request.keepsConnection = keepsConnection
                        let outcome = await bench.ask([request]).first?.outcome
                        #expect(outcome?.kind == expected, "\(url) \(access): \(String(describing: outcome))")
                    }
                }
            }
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
