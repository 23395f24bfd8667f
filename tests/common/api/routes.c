#include "unit.h"

CU_TestInfo api_routes_tests[] = {
	CU_TEST_INFO_NULL,
};
