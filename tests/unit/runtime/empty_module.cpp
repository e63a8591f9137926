// A shared module without a descriptor.
extern "C" int ox_no_bundle() { return 0; }
