// swift-tools-version: 6.2

import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "buildinfo",
    products: [
        .executable(name: "buildinfo-agent", targets: ["Agent"]),
        .executable(name: "buildinfo-collector", targets: ["Collector"]),
        // For measurements; not in the packages.
        .executable(name: "buildinfo-fleet", targets: ["BuildinfoFleet"]),
        .executable(name: "buildinfo-ledger-recorder", targets: ["LedgerRecorderBench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        // Without its trait for swift-configuration.
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        // Without its trait for Foundation, of which nothing here is needed.
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2", traits: []),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
    ],
    targets: [
        // The commit in a released program: a section that scripts/stamp.py writes.
        .systemLibrary(name: "CBuildStamp"),

        // The contract between the two programs: no I/O, and nothing but FoundationEssentials.
        .target(name: "Shared", dependencies: ["CBuildStamp"], swiftSettings: strict),

        // The agent's configuration file. Yams would bring all of Foundation.
        .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),

        // The agent's pure part, from an engine's responses to a document: no I/O, no clock, no thread.
        .target(
            name: "AgentCore",
            dependencies: ["Shared"],
            path: "Sources/Agent/Core",
            swiftSettings: strict
        ),
        // The program on every host. No libcurl, no full Foundation: its size is a promise (see bench/).
        .executableTarget(
            name: "Agent",
            dependencies: [
                "AgentCore",
                "CYAML",
                "Shared",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            exclude: ["Core"],
            swiftSettings: strict
        ),

        .systemLibrary(name: "CResolver"),
        .systemLibrary(
            name: "CCurl",
            pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"])]
        ),
        .target(
            name: "CollectorSupport",
            dependencies: [
                "Shared",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Collector/Support",
            swiftSettings: strict
        ),
        .target(
            name: "Verdict",
            dependencies: [
                "Shared"
            ],
            path: "Sources/Collector/Verdict",
            swiftSettings: strict
        ),
        .target(
            name: "Transfer",
            dependencies: [
                "CCurl",
                "Shared",
            ],
            path: "Sources/Collector/Transfer",
            swiftSettings: strict
        ),
        .target(
            name: "Inventory",
            dependencies: [
                "CResolver",
                "CollectorSupport",
                "Shared",
                "Verdict",
                .product(name: "Yams", package: "Yams"),
            ],
            path: "Sources/Collector/Inventory",
            swiftSettings: strict
        ),
        .target(
            name: "Registry",
            dependencies: [
                "CollectorSupport",
                "Shared",
                "Transfer",
                "Verdict",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Sources/Collector/Registry",
            swiftSettings: strict
        ),
        .target(
            name: "Gate",
            dependencies: [
                "CollectorSupport",
                "Shared",
                "Transfer",
            ],
            path: "Sources/Collector/Gate",
            swiftSettings: strict
        ),
        .target(
            name: "Reports",
            dependencies: [
                "CollectorSupport",
                "Shared",
                "Verdict",
            ],
            path: "Sources/Collector/Reports",
            swiftSettings: strict
        ),
        .target(
            name: "Evidence",
            dependencies: [
                "CollectorSupport",
                "Reports",
                "Shared",
                "Verdict",
            ],
            path: "Sources/Collector/Evidence",
            swiftSettings: strict
        ),
        .target(
            name: "Ledger",
            dependencies: [
                "CollectorSupport",
                "Registry",
                "Reports",
                "Shared",
                "Verdict",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Collector/Ledger",
            swiftSettings: strict
        ),
        .target(
            name: "Operations",
            dependencies: [
                "CollectorSupport",
                "Evidence",
                "Gate",
                "Inventory",
                "Ledger",
                "Registry",
                "Reports",
                "Shared",
                "Transfer",
                "Verdict",
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Collector/Operations",
            swiftSettings: strict
        ),
        .target(
            name: "Drill",
            dependencies: [
                "CollectorSupport",
                "Inventory",
                "Ledger",
                "Operations",
                "Reports",
                "Shared",
                "Transfer",
                "Verdict",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Collector/Drill",
            swiftSettings: strict
        ),
        // `serve`: standing checks, the API, metrics. The only target with a web framework.
        .target(
            name: "Service",
            dependencies: [
                "CollectorSupport",
                "Evidence",
                "Inventory",
                "Ledger",
                "Operations",
                "Registry",
                "Reports",
                "Shared",
                "Transfer",
                "Verdict",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Collector/Service",
            resources: [.embedInCode("Resources/openapi.json"), .embedInCode("Resources/service.js")],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "Collector",
            dependencies: [
                "CollectorSupport",
                "Drill",
                "Evidence",
                "Gate",
                "Inventory",
                "Ledger",
                "Operations",
                "Registry",
                "Reports",
                "Service",
                "Shared",
                "Transfer",
                "Verdict",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Collector/Commands",
            swiftSettings: strict
        ),

        // A fleet of hosts on loopback in one process, for measurements.
        .executableTarget(
            name: "BuildinfoFleet",
            dependencies: [
                "AgentCore",
                "Shared",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "bench/fleet",
            exclude: ["README.md"],
            swiftSettings: strict
        ),
        // Records verifications through the ledger's interface, for measurements.
        .executableTarget(
            name: "LedgerRecorderBench",
            dependencies: [
                "CollectorSupport",
                "Ledger",
                "Reports",
                "Shared",
                "Verdict",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "bench/ledger-recorder",
            swiftSettings: strict
        ),

        // Fake hosts, a fake engine, temporary folders: what several test targets need.
        .target(
            name: "Support",
            dependencies: [
                "Shared",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Tests/Support",
            swiftSettings: strict
        ),
        .testTarget(name: "SharedTests", dependencies: ["Shared"], swiftSettings: strict),
        .testTarget(
            name: "AgentTests",
            dependencies: [
                "Agent", "AgentCore", "Shared", "Support",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            exclude: ["Configurations"],
            swiftSettings: strict
        ),
        // Scripted hosts, sample reports and the verdict's test harness, for several test targets.
        .target(
            name: "CollectorFixtures",
            dependencies: [
                "CollectorSupport", "Evidence", "Inventory", "Ledger", "Registry", "Reports", "Shared", "Support",
                "Transfer", "Verdict",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            path: "Tests/CollectorFixtures",
            swiftSettings: strict
        ),
        .target(
            name: "EndToEndFixtures",
            dependencies: [
                "Agent", "Collector", "Shared", "Support",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            path: "Tests/EndToEndFixtures",
            swiftSettings: strict
        ),
        .testTarget(
            name: "CommandsTests",
            dependencies: [
                "Collector", "CollectorFixtures", "CollectorSupport", "Gate", "Inventory", "Operations", "Registry",
                "Reports", "Shared", "Support", "Transfer", "Verdict",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SupportTests",
            dependencies: [
                "CollectorSupport", "Support",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "VerdictTests",
            dependencies: [
                "CollectorFixtures", "Evidence", "Reports", "Shared", "Verdict",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "PropertyTests",
            dependencies: [
                "CollectorFixtures", "Evidence", "Reports", "Shared", "Support", "Verdict",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TransferTests",
            dependencies: [
                "CCurl", "CollectorFixtures", "Support", "Transfer",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "InventoryTests",
            dependencies: [
                "Collector", "CollectorFixtures", "CollectorSupport", "Inventory", "Operations", "Reports", "Support",
                "Transfer", "Verdict",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["Inventories"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "RegistryTests",
            dependencies: [
                "CollectorFixtures", "Operations", "Registry", "Shared", "Support", "Transfer", "Verdict",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "GateTests",
            dependencies: [
                "Collector", "CollectorFixtures", "CollectorSupport", "Gate", "Operations", "Registry", "Shared",
                "Support", "Transfer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ReportsTests",
            dependencies: [
                "CollectorFixtures", "CollectorSupport", "Evidence", "Ledger", "Operations", "Reports",
                "Shared", "Support", "Verdict",
            ],
            exclude: ["Golden"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "EvidenceTests",
            dependencies: [
                "CollectorFixtures", "Evidence", "Reports", "Shared", "Support", "Verdict",
            ],
            exclude: ["Recordings"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "LedgerTests",
            dependencies: [
                "Collector", "CollectorFixtures", "CollectorSupport", "Ledger", "Reports", "Shared", "Support",
                "Verdict",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "OperationsTests",
            dependencies: [
                "Collector", "CollectorFixtures", "CollectorSupport", "Evidence", "Gate", "Inventory", "Ledger",
                "Operations", "Registry",
                "Reports", "Shared", "Support", "Transfer", "Verdict",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["AgentDocuments", "Golden"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "DrillTests",
            dependencies: [
                "Agent", "Collector", "CollectorFixtures", "Drill", "Reports", "Shared", "Support", "Transfer",
                "Verdict",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "FleetTests",
            dependencies: [
                "BuildinfoFleet", "Collector", "Shared", "Support",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ServiceTests",
            dependencies: [
                "Agent", "BuildinfoFleet", "Collector", "CollectorSupport", "Drill", "EndToEndFixtures", "Evidence",
                "Inventory", "Ledger", "Operations", "Reports", "Service", "Shared", "Support", "Transfer", "Verdict",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "CrashTests",
            dependencies: [
                "Agent", "Collector", "CollectorFixtures", "EndToEndFixtures", "Ledger", "Reports", "Shared",
                "Support", "Verdict",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "AgentEndToEndTests",
            dependencies: [
                "Agent", "Collector", "EndToEndFixtures", "Shared", "Support",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "EngineTests",
            dependencies: [
                "Agent", "Collector", "EndToEndFixtures", "Shared", "Support",
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Agent", "Collector", "EndToEndFixtures", "Shared", "Support",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "PromotionTests",
            dependencies: [
                "Agent", "Collector", "EndToEndFixtures", "Shared", "Support",
            ],
            swiftSettings: strict
        ),
    ],
    swiftLanguageModes: [.v6]
)
