package simulate

// service is what a network sells, and so how its addresses behave.
type service uint8

const (
	fixed   service = iota // lines to homes and offices
	mobile                 // phones behind carrier NAT
	hosting                // servers
	vpn                    // servers that VPN providers rent, in many countries
	cloud                  // mail clouds that send as the user: a new address nearly each time
	relay                  // private relays: exits that keep the user's country
	orbit                  // satellites and security services: few exits, in whatever country
	tunnel                 // IPv6 tunnels
)

// carrier is a network operator by its public AS number.
type carrier struct {
	country string
	asn     uint32
	org     string
	sells   service
}

// knownCarriers are operators under their real AS numbers (RIR registries), so
// that rules which know a network by its number are tested, too. Their address
// blocks are invented like all others.
func knownCarriers() []carrier {
	return []carrier{
		{"AR", 7303, "Telecom Argentina", fixed}, {"AR", 22927, "Telefonica de Argentina", fixed},
		{"AT", 8447, "A1 Telekom Austria", fixed}, {"AT", 8412, "T-Mobile Austria", mobile},
		{"AU", 1221, "Telstra", fixed}, {"AU", 4804, "Optus", mobile},
		{"BE", 5432, "Proximus", fixed}, {"BE", 6848, "Telenet", fixed},
		{"BG", 8866, "Vivacom", fixed}, {"BR", 28573, "Claro NXT", fixed},
		{"BR", 26599, "Telefonica Brasil", fixed}, {"BR", 26615, "TIM Brasil", mobile},
		{"CA", 577, "Bell Canada", fixed}, {"CA", 812, "Rogers", fixed}, {"CA", 852, "Telus", mobile},
		{"CH", 3303, "Swisscom", fixed}, {"CH", 6730, "Sunrise", fixed},
		{"CL", 7418, "Telefonica Chile", fixed}, {"CN", 4134, "Chinanet", fixed},
		{"CN", 4837, "China Unicom", fixed}, {"CN", 9808, "China Mobile", mobile},
		{"CO", 10620, "Telmex Colombia", fixed}, {"CZ", 5610, "O2 Czech Republic", fixed},
		{"DE", 3320, "Deutsche Telekom", fixed}, {"DE", 3209, "Vodafone", fixed},
		{"DE", 6805, "Telefonica Germany", mobile}, {"DE", 24940, "Hetzner", hosting},
		{"DK", 3292, "TDC", fixed}, {"EG", 8452, "TE Data", fixed},
		{"ES", 3352, "Telefonica de Espana", fixed}, {"ES", 12479, "Orange Espagne", fixed},
		{"ES", 12430, "Vodafone Spain", mobile}, {"FI", 719, "Elisa", fixed},
		{"FR", 3215, "Orange", fixed}, {"FR", 12322, "Free", fixed},
		{"FR", 15557, "SFR", fixed}, {"FR", 5410, "Bouygues Telecom", mobile},
		{"FR", 16276, "OVH", hosting}, {"GB", 2856, "British Telecommunications", fixed},
		{"GB", 5089, "Virgin Media", fixed}, {"GB", 5607, "Sky UK", fixed}, {"GB", 12576, "EE", mobile},
		{"GR", 6799, "OTE", fixed}, {"HU", 5483, "Magyar Telekom", fixed},
		{"ID", 7713, "Telekomunikasi Indonesia", fixed}, {"ID", 23693, "Telkomsel", mobile},
		{"IE", 5466, "Eircom", fixed}, {"IL", 8551, "Bezeq", fixed},
		{"IN", 24560, "Bharti Airtel", fixed}, {"IN", 55836, "Reliance Jio", mobile},
		{"IR", 58224, "TIC", fixed}, {"IT", 3269, "Telecom Italia", fixed},
		{"IT", 30722, "Vodafone Italia", fixed}, {"IT", 1267, "Wind Tre", mobile},
		{"JP", 4713, "NTT Communications", fixed}, {"JP", 2516, "KDDI", fixed},
		{"KR", 4766, "Korea Telecom", fixed}, {"MA", 36903, "Maroc Telecom", fixed},
		{"MX", 8151, "Uninet", fixed}, {"MY", 4788, "TM Technology", fixed},
		{"NG", 29465, "MTN Nigeria", mobile}, {"NL", 1136, "KPN", fixed},
		{"NL", 33915, "Vodafone Libertel", fixed}, {"NL", 60781, "LeaseWeb Netherlands", hosting},
		{"NO", 2119, "Telenor Norge", fixed}, {"PH", 9299, "PLDT", fixed},
		{"PK", 17557, "Pakistan Telecommunication", fixed}, {"PL", 5617, "Orange Polska", fixed},
		{"PL", 12741, "Netia", fixed}, {"PL", 8374, "Polkomtel", mobile},
		{"PT", 3243, "MEO", fixed}, {"PT", 2860, "NOS", fixed}, {"PT", 12353, "Vodafone Portugal", mobile},
		{"RO", 8708, "RCS & RDS", fixed}, {"RO", 9050, "Orange Romania", mobile},
		{"RU", 12389, "Rostelecom", fixed}, {"RU", 8402, "Vimpelcom", fixed},
		{"RU", 31133, "MegaFon", mobile}, {"SE", 3301, "Telia", fixed},
		{"TH", 7470, "True Internet", fixed}, {"TR", 9121, "Turk Telekom", fixed},
		{"TR", 16135, "Turkcell", mobile}, {"TW", 3462, "HiNet", fixed},
		{"UA", 6849, "Ukrtelecom", fixed}, {"UA", 15895, "Kyivstar", mobile},
		{"US", 7922, "Comcast", fixed}, {"US", 7018, "AT&T", fixed}, {"US", 701, "Verizon", fixed},
		{"US", 21928, "T-Mobile USA", mobile}, {"US", 22394, "Verizon Wireless", mobile},
		{"US", 14061, "DigitalOcean", hosting}, {"US", 20473, "Vultr", hosting},
		{"US", 63949, "Linode", hosting}, {"US", 16509, "Amazon", hosting},
		{"VN", 45899, "VNPT", fixed}, {"VN", 7552, "Viettel", mobile},
		{"ZA", 37457, "Telkom SA", fixed},
	}
}

// spanning is an operator with machines in many countries.
type spanning struct {
	carrier
	countries string // codes with a block, blank between; "*": everywhere
}

func knownSpanning() []spanning {
	return []spanning{
		{carrier{"US", 15169, "Google", cloud}, "US US US US US IE NL BE FI SG TW BR"},
		{carrier{"US", 8075, "Microsoft", cloud}, "US US US IE IE NL NL GB DE FR AT SG BR"},
		{carrier{"US", 13335, "Cloudflare", relay}, "*"},
		{carrier{"US", 36183, "Akamai", relay}, "*"},
		{carrier{"GB", 9009, "M247", vpn}, "GB NL DE FR ES IT US CH SE RO PL AT BE DK SG JP CA BR"},
		{carrier{"GB", 60068, "Datacamp", vpn}, "GB NL DE FR ES IT US CH SE PT CZ HU PL NO HK AU MX ZA"},
		{carrier{"PT", 4200000001, "Tunnel Lisboa Rental", vpn}, "PT ES FR NL US BR GB DE AR CA"},
		{carrier{"NL", 4200000002, "Polder Private Networks", vpn}, "NL BE DE US GB FR SE FI TR IN"},
	}
}
