import Foundation
import NIOCore
import Testing

@testable import Agent

@Suite("Service manager") struct ServiceManagerTests {
    @Test("Readiness reaches the notification socket")
    func notify() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("notify.sock")
        let address = try #require(UnixAddress(path: path))
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        #expect(address.withSocketAddress { Glibc.bind(descriptor, $0, $1) } == 0)
        #expect(ServiceManager(environment: ["NOTIFY_SOCKET": path]).notify("READY=1"))
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == "READY=1")
    }

    @Test("Without a reachable manager, a notification returns false")
    func withoutManager() throws {
        let folder = try TemporaryFolder()
        #expect(!ServiceManager(environment: [:]).notify("READY=1"))
        #expect(!ServiceManager(environment: ["NOTIFY_SOCKET": folder.file("none")]).notify("READY=1"))
        #expect(!ServiceManager(environment: ["NOTIFY_SOCKET": ""]).notify("READY=1"))
    }

    @Test(
        "Sockets of another process are ignored",
        arguments: [
            [:], ["LISTEN_FDS": "1"], ["LISTEN_FDS": "1", "LISTEN_PID": "1"], ["LISTEN_FDS": "0", "LISTEN_PID": "77"],
            ["LISTEN_FDS": "x", "LISTEN_PID": "77"],
        ])
    func notOurs(environment: [String: String]) throws {
        #expect(try ServiceManager(environment: environment, processID: 77).inheritedSockets().isEmpty)
    }

    @Test("The address of an inherited socket is known")
    func inheritedAddress() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        #expect(InheritedSocket.address(descriptor)?.ipAddress == "0.0.0.0")
        #expect(InheritedSocket.address(descriptor)?.isLoopback == false)
        #expect(InheritedSocket.address(9_999) == nil)
    }
}
