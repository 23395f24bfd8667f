#include "unit.h"

CU_TestInfo services_inspect_tests[] = {
	CU_TEST_INFO_NULL,
};
